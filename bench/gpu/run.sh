#!/usr/bin/env bash
# Measures the networks and a whole case on a GPU, on a machine without a network that is borrowed for some minutes.
#   run.sh prepare FOLDER         here: everything that travels, as parts below 56 MiB in FOLDER (needs models/training's environment)
#   run.sh measure STORE OUT      there: after `parts.sh join STORE FOLDER`; writes OUT/gpu.md
# The provider is ONNX Runtime 1.31.1 for CUDA 13, whose libraries and cuDNN 9 are looked for on the machine: in the folders of
# LD_LIBRARY_PATH, of the system and of Python's nvidia packages, which a PyTorch for CUDA 13 brings. They are 2 GB, so they do not travel.
# The wheel takes 5 parts, bench and int8 1 and 2, fp16 2, fp32 3; the last two need not come where python3 has onnx and onnxruntime,
# which make them there. `measure` needs neither Go nor this repository's tree.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
wheel=onnxruntime_gpu-1.31.1-cp312-cp312-manylinux_2_28_x86_64.whl
digest=05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7

prepare() {
  local folder=$1
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  printf 'onnxruntime-gpu==1.31.1 --hash=sha256:%s\n' "$digest" >"$work/requirements.txt"
  python3 -m pip download --disable-pip-version-check -q --no-deps --require-hashes --only-binary=:all: \
    --implementation cp --python-version 3.12 --abi cp312 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    -d "$work" -r "$work/requirements.txt"
  mkdir -p "$work/bench"
  (cd "$root" && go build -trimpath -tags nojp2 -o "$work/bench/jcsnode" ./cmd/jcsnode)
  (cd "$root" && go build -trimpath -o "$work/bench/gpu" ./bench/gpu)
  python3 "$here/variants.py" "$root/models" "$work/bench/variants"
  git -C "$root" describe --always --dirty >"$work/bench/commit"
  cp "$here/run.sh" "$here/variants.py" "$work/bench/"
  for precision in int8 fp32 fp16; do
    tar -C "$work" --remove-files -cf - "bench/variants/$precision" | gzip -1 >"$work/$precision.tar.gz"
  done
  tar -C "$work" -czf "$work/bench.tar.gz" bench
  "$here/parts.sh" split "$folder" "$work/bench.tar.gz" "$work/int8.tar.gz" "$work/$wheel" \
    "$work/fp16.tar.gz" "$work/fp32.tar.gz"
  ls -l "$folder"
}

# cuda_folders are where CUDA's libraries of Python packages lie.
cuda_folders() {
  python3 - <<'PYTHON' || true
import glob, sys
print(":".join(sorted({f for p in sys.path if p for f in glob.glob(p + "/nvidia/*/lib") + glob.glob(p + "/nvidia/lib")})))
PYTHON
}

measure() {
  local store out
  store=$(cd "$1" && pwd)
  mkdir -p "$2"
  out=$(cd "$2" && pwd)
  cd "$store"
  for archive in bench int8 fp32 fp16; do [[ ! -f $archive.tar.gz ]] || tar xzf "$archive.tar.gz"; done
  if [[ -f $wheel ]]; then
    [[ $(sha256sum "$wheel" | cut -d' ' -f1) == "$digest" ]] || { echo "run: $wheel is damaged" >&2; exit 1; }
    python3 - "$wheel" <<'PYTHON'
import pathlib, sys, zipfile
target = pathlib.Path("library")
target.mkdir(exist_ok=True)
with zipfile.ZipFile(sys.argv[1]) as z:
    for name in z.namelist():
        base = name.rsplit("/", 1)[-1]
        if base.startswith("libonnxruntime") and ".so" in base and "tensorrt" not in base and not (target / base).exists():
            (target / base).write_bytes(z.read(name))
PYTHON
    ln -sf libonnxruntime.so.1.31.1 library/libonnxruntime.so
    export JCSNODE_ONNXRUNTIME=$store/library/libonnxruntime.so
  fi
  if [[ ! -d bench/variants/fp16 || ! -d bench/variants/fp32 ]]; then
    python3 bench/variants.py bench/variants/int8 bench/made && cp -r bench/made/fp16 bench/made/fp32 bench/variants/ ||
      echo "run: fp16 and fp32 did not come and cannot be made here" >&2
  fi
  [[ -d bench/phantom ]] || bench/jcsnode phantom --out bench/phantom --lesions --slices "${SLICES:-300}" >/dev/null
  export LD_LIBRARY_PATH=$(cuda_folders)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  {
    echo "# Measured on a GPU"
    echo
    gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo "no nvidia-smi")
    processor=$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)
    echo "Commit $(cat bench/commit); $gpu; $(nproc) cores of $processor"
    echo
    bench/gpu -variants bench/variants -device cuda -rounds "${ROUNDS:-20}"
    echo
    echo "| whole case, ${SLICES:-300} slices of the phantom, from files to objects and previews | device | s | CPU s |"
    echo "|---|---|---:|---:|"
  } | tee "$out/gpu.md"
  local device precision
  for device in cuda cpu; do
    for precision in int8 fp32 fp16; do
      [[ $device == cuda || $precision == int8 ]] || continue # on the CPU they take minutes
      whole "$device" "$precision" | tee -a "$out/gpu.md"
    done
  done
}

# whole runs one case and prints its row.
whole() {
  local took
  printf '[models]\ndir = "%s/bench/variants/%s"\ndevice = "%s"\n' "$PWD" "$2" "$1" >"$PWD/case.toml"
  rm -rf case
  if took=$({ TIMEFORMAT='%R %U %S'; time bench/jcsnode run "bench/phantom" --out case --config case.toml >case.log 2>&1; } 2>&1); then
    echo "| $2 | $1 | $(awk '{ printf "%.1f | %.1f |", $1, $2 + $3 }' <<<"$took")"
  else
    echo "| $2 | $1 | not measured: $(grep -o 'jcsnode: .*' case.log | tail -1 | tr '|' '/' | cut -c1-160) | |"
  fi
}

case ${1:-} in
prepare) [[ $# == 2 ]] || exit 2; prepare "$2" ;;
measure) [[ $# == 3 ]] || exit 2; measure "$2" "$3" ;;
*) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

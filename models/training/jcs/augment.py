"""From a stored slice to one training sample: field of view, shape, grey levels, noise.

The product sees whole axial slices in exact HU. The sets are crops, figures and slices with estimated HU, so the field of
view varies from the lungs alone to the body with a margin of air, and grey levels by more than their known error.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from jcs.data import Slice
from jcs.prepare import AIR, WINDOW, resize

# Standard deviations of shift (HU) and scale; figures have no known relation to HU.
GREY_ERROR = {"ctmd": (25.0, 0.03), "seg20": (40.0, 0.05), "seg20rp": (35.0, 0.05), "ct100": (40.0, 0.05), "covid_ct": (60.0, 0.1), "sars_cov2": (60.0, 0.1)}


def tensors(item: Slice) -> tuple[Tensor, Tensor]:
    """hu and lesion as float [1, H, W]; an unknown lesion is all zero."""
    hu = torch.from_numpy(item.hu.astype(np.float32))[None]
    lesion = torch.zeros_like(hu) if item.lesion is None else torch.from_numpy(item.lesion.astype(np.float32))[None]
    return hu, lesion


def window_at(image: Tensor, left: int, top: int, width: int, height: int, fill: float) -> Tensor:
    """The rectangle of an image [1, H, W], which may reach beyond it; `fill` outside."""
    rows, columns = image.shape[1:]
    inner = image[:, max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    pad = (max(-left, 0), max(left + width - columns, 0), max(-top, 0), max(top + height - rows, 0))
    return F.pad(inner, pad, value=fill)


def field_of_view(item: Slice, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """left, top, width, height of what the sample shows, in pixels of the slice."""
    rows, columns = item.hu.shape
    left, top, right, bottom = 0, 0, columns, rows
    low, high = (0.85, 1.15) if item.whole else (0.95, 1.5)
    if item.lung_box is not None and rng.random() < 0.5:
        left, top, right, bottom = item.lung_box
        low, high = 1.0, 1.5
    side = max(right - left, bottom - top) * rng.uniform(low, high)
    width, height = side * rng.uniform(0.93, 1.07), side * rng.uniform(0.93, 1.07)
    # The centre moves by half of what the field of view leaves free, and a little more.
    free_x, free_y = abs(width - (right - left)) / 4 + 0.03 * width, abs(height - (bottom - top)) / 4 + 0.03 * height
    centre_x, centre_y = (left + right) / 2 + rng.uniform(-1, 1) * free_x, (top + bottom) / 2 + rng.uniform(-1, 1) * free_y
    return round(centre_x - width / 2), round(centre_y - height / 2), round(width), round(height)


def chest_wall(hu: Tensor, lesion: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, int]:
    """Repeat the border of a crop outwards, as a wall of tissue between lungs and air; returns its thickness too."""
    thickness = round(rng.uniform(0, 0.12) * min(hu.shape[1:]))
    if not thickness:
        return hu, lesion, 0
    pad = (thickness,) * 4
    return F.pad(hu, pad, mode="replicate"), F.pad(lesion, pad), thickness


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
    hu, lesion = tensors(item)
    left, top, width, height = field_of_view(item, rng)
    if not item.whole and rng.random() < 0.5:
        hu, lesion, wall = chest_wall(hu, lesion, rng)
        left, top = left + wall, top + wall
    # Resize within the window that a network sees: bright metal and bone must not bleed more than they do when served.
    both = torch.cat([window_at(hu.clamp(*WINDOW), left, top, width, height, AIR), window_at(lesion, left, top, width, height, 0.0)])
    both = resize(both[None], (size, size))[0]
    if rng.random() < 0.5:
        both = both.flip(2)
    if rng.random() < 0.4:
        both = rotated(both, rng.uniform(-10, 10))
    return regraded(both[:1], item.source, rng), both[1:].clamp(0, 1)


def plain(item: Slice, size: int) -> tuple[Tensor, Tensor]:
    """The view for evaluation: the slice centred on a square of air, nothing random."""
    hu, lesion = tensors(item)
    rows, columns = hu.shape[1:]
    side = max(rows, columns)
    place = ((columns - side) // 2, (rows - side) // 2, side, side)
    both = torch.cat([window_at(hu.clamp(*WINDOW), *place, AIR), window_at(lesion, *place, 0.0)])
    both = resize(both[None], (size, size))[0]
    return both[:1], both[1:]

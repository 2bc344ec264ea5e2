"""A simulated scanner that every view of every set passes, so that how a slice was made does not tell what it shows.

The sets differ in pixel size, kernel, dose, grey scale, window and coding, and some hold one label only. Each of these is drawn here from
one distribution for all sets, wide enough that what any of them brings along lies within it.
"""

import dataclasses
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from jcs.prepare import WINDOW

LEAST_MATRIX, LARGEST_MATRIX = 96, 288  # pixels across the view: lungs are 130 wide on slices of 224, and 300 on those of 512
# HU, standard deviation of a wrong level, and of a wrong scale: estimates of the sets without exact HU differ by so much.
LEVEL_ERROR, SCALE_ERROR = 40.0, 0.06
CUT_SHARE = 0.6  # of the views have a window that is cut off within ours
LOW_CUT, HIGH_CUT = (-1350.0, -950.0), (-40.0, 150.0)  # HU; the narrowest windows of the sets begin at -1000 and end at 0
JPEG_SHARE, JPEG_QUALITY = 0.6, (45, 96)
GREYS = 255


@dataclasses.dataclass(frozen=True)
class Scanner:
    """How a slice is seen. The defaults change nothing but the matrix."""

    matrix: int  # pixels per side of the view
    level: float = 0.0  # HU, added
    scale: float = 1.0  # of the distance from the window's low end
    blur: float = 0.0  # pixels, standard deviation: a soft kernel
    sharpness: float = 0.0  # how much of the difference from a blur of one pixel is added: a sharp kernel
    noise: float = 0.0  # HU, standard deviation
    grain: float = 0.0  # pixels, of the noise; 0 is white
    window: tuple[float, float] = WINDOW  # HU, cut off outside
    quality: int | None = None  # of JPEG in 8 bits over the window


def drawn(rng: np.random.Generator) -> Scanner:
    """A scanner at random."""
    level, scale = (LEVEL_ERROR * rng.normal(), 1 + SCALE_ERROR * rng.normal()) if rng.random() < 0.8 else (0.0, 1.0)
    kernel = rng.random()
    noisy, cut = rng.random() < 0.45, rng.random() < CUT_SHARE
    return Scanner(
        matrix=round(np.exp(rng.uniform(np.log(LEAST_MATRIX), np.log(LARGEST_MATRIX)))),
        level=level,
        scale=scale,
        blur=rng.uniform(0.4, 1.1) if kernel < 0.25 else 0.0,
        sharpness=rng.uniform(0.3, 1.2) if kernel > 0.75 else 0.0,
        noise=rng.uniform(5, 60) if noisy else 0.0,
        grain=0.8 if rng.random() < 0.5 else 0.0,
        window=(rng.uniform(*LOW_CUT), rng.uniform(*HIGH_CUT)) if cut else WINDOW,
        quality=int(rng.integers(*JPEG_QUALITY)) if rng.random() < JPEG_SHARE else None,
    )


def blurred(image: Tensor, sigma: float) -> Tensor:
    """[1, H, W], Gaussian."""
    radius = max(1, round(2.5 * sigma))
    x = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-(x**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    image = F.conv2d(F.pad(image[None], (radius,) * 4, mode="replicate"), kernel[None, None, None, :])
    return F.conv2d(image, kernel[None, None, :, None])[0]


def grainy(shape: torch.Size, grain: float, rng: np.random.Generator) -> Tensor:
    """Noise of standard deviation 1, white or with a grain of so many pixels."""
    noise = torch.from_numpy(rng.standard_normal(shape, np.float32))
    if not grain:
        return noise
    noise = blurred(noise, grain)
    return noise / noise.std().clamp(min=1e-6)


def coded(hu: Tensor, window: tuple[float, float], quality: int) -> Tensor:
    """[1, H, W] through 8-bit JPEG over a window."""
    low, high = window
    grey = ((hu[0] - low) / (high - low) * GREYS).round().clamp(0, GREYS).to(torch.uint8)
    file = io.BytesIO()
    Image.fromarray(grey.numpy()).save(file, "JPEG", quality=quality)
    read = np.asarray(Image.open(file), np.float32)
    return torch.from_numpy(read)[None] / GREYS * (high - low) + low


def scan(hu: Tensor, scanner: Scanner, rng: np.random.Generator) -> Tensor:
    """What the scanner makes of a view [1, matrix, matrix] in HU; `matrix` itself is the caller's."""
    hu = (hu - WINDOW[0]) * scanner.scale + WINDOW[0] + scanner.level
    if scanner.blur:
        hu = blurred(hu, scanner.blur)
    if scanner.sharpness:
        hu = hu + scanner.sharpness * (hu - blurred(hu, 1.0))
    if scanner.noise:
        hu = hu + scanner.noise * grainy(hu.shape, scanner.grain, rng)
    hu = hu.clamp(*scanner.window)
    return coded(hu, scanner.window, scanner.quality) if scanner.quality else hu


def trimmed(view: Tensor, box: tuple[float, float, float, float], fill: float) -> Tensor:
    """A view [1, S, S] of which only a box (left, top, right, bottom as shares of the side) was published; `fill` outside."""
    size = view.shape[-1]
    left, top, right, bottom = (max(0, round(edge * size)) for edge in box)
    result = torch.full_like(view, fill)
    result[:, top:bottom, left:right] = view[:, top:bottom, left:right]
    return result

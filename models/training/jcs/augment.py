"""From a stored slice to one training sample: field of view, shape, grey levels, noise.

The product sees whole axial slices in exact HU. The sets are crops, figures and slices with estimated HU. `jcs.frame` brings all to
the lungs; the frame varies by more than its rule errs. All else that differs between sets is drawn by `jcs.scanner`.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from jcs import scanner
from jcs.data import Slice
from jcs.frame import resample
from jcs.prepare import AIR, WINDOW

FRAME_SHARE = 0.85  # of the samples; the others show the whole slice
CROP_SHARE = 0.35  # of the samples are cut to a part, with air around, as some sets are published


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


def crop(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """What of a view was published, as shares of its side: some sets are cut to the lungs, and beyond that there is air."""
    left, top, right, bottom = rng.uniform(-0.05, 0.12, 4)
    return left, top, 1 - right, 1 - bottom


def sample(item: Slice, size: int, rng: np.random.Generator, simulated: bool) -> tuple[Tensor, Tensor]:
    """One random view of a slice: hu [1, size, size], lesion [1, size, size] in 0..1; `simulated`: by a scanner at random."""
    device = scanner.drawn(rng) if simulated else None
    both = seen(item, field_of_view(item, rng), device.matrix if device else size)
    if rng.random() < 0.5:
        both = both.flip(2)
    if not device:
        return both[:1], both[1:].clamp(0, 1)
    if rng.random() < 0.4:
        both = rotated(both, rng.uniform(-10, 10))
    hu, lesion = both[:1], both[1:]
    if rng.random() < CROP_SHARE:
        published = crop(rng)
        hu, lesion = scanner.trimmed(hu, published, AIR), scanner.trimmed(lesion, published, 0.0)
    hu = scanner.scan(hu, device, rng)
    whole = torch.tensor([[0.0, 0.0, float(device.matrix), float(device.matrix)]])
    hu, lesion = (resample(part[None], whole, (size, size), fill)[0] for part, fill in ((hu, AIR), (lesion, 0.0)))
    return hu, lesion.clamp(0, 1)


def plain(item: Slice, size: int) -> tuple[Tensor, Tensor]:
    """The view as served: the slice's frame, nothing random."""
    both = seen(item, torch.tensor([item.frame]), size)
    return both[:1], both[1:]

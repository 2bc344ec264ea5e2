"""Drawn lesions put into other lungs: positives with the look of sets that have none.

As in TumorCP (Yang et al. 2021) a lesion is cut out along its mask and blended into another slice, here into the same place of the lungs.
Lung alone is put into lungs too (`sham`), along the same shapes and with label 0, so that a seam says nothing.
"""

import dataclasses

import numpy as np
import torch
from torch import Tensor

from jcs.data import Slice, slice_label
from jcs.frame import resample
from jcs.prepare import AIR
from jcs.scanner import blurred

SMALL_SHARE = 0.4  # of the transplants take a small piece of the lesions alone
SEAM = (0.6, 2.0)  # pixels over which lesion and lung are blended


def moved_frame(item: Slice, rng: np.random.Generator) -> Tensor:
    """The slice's frame, somewhat moved and stretched: what comes to lie on the host's frame. [1, 4]"""
    left, top, width, height = item.frame
    wide, high = rng.uniform(0.9, 1.15, 2) * (width, height)
    x, y = left + width * (0.5 + rng.uniform(-0.06, 0.06)), top + height * (0.5 + rng.uniform(-0.06, 0.06))
    return torch.tensor([[x - wide / 2, y - high / 2, wide, high]], dtype=torch.float32)


def piece(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What of a mask [H, W] lies within a disc about one of its pixels."""
    places = np.argwhere(mask)
    centre = places[rng.integers(len(places))]
    radius = rng.uniform(0.04, 0.15) * max(mask.shape)
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    return mask & ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2)


def onto(host: Slice, values: np.ndarray, box: Tensor, fill: float) -> np.ndarray:
    """What `box` shows of values [H, W] of another slice, laid on the frame of the host: [H, W] float32, `fill` outside."""
    left, top, width, height = (round(edge) for edge in host.frame)
    result = np.full(host.hu.shape, fill, np.float32)
    place = result[top : top + height, left : left + width]
    shown = resample(torch.from_numpy(values.astype(np.float32))[None, None], box, (height, width), fill)[0, 0].numpy()
    place[:] = shown[: place.shape[0], : place.shape[1]]
    return result


def put(host: Slice, donor: Slice, donor_box: Tensor, shape: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """HU of the host, int16 [H, W], with the donor's along `shape` (bool, within the host's lungs)."""
    share = blurred(torch.from_numpy(shape.astype(np.float32))[None], rng.uniform(*SEAM))[0].numpy() * host.lungs
    hu = (1 - share) * host.hu + share * onto(host, donor.hu, donor_box, AIR)
    return hu.round().astype(np.int16)


def transplanted(host: Slice, donor: Slice, rng: np.random.Generator) -> Slice:
    """The host with lesions of the donor, all or a small piece, in its lungs. Its own slice where none comes to lie in them.

    The host has a lung mask and no lesions; its `label` and `lesion` become those of what was put in.
    """
    box = moved_frame(donor, rng)
    shape = (onto(host, donor.lesions, box, 0.0) > 0.5) & host.lungs
    if shape.any() and rng.random() < SMALL_SHARE:
        shape = piece(shape, rng)
    if not shape.any():
        return host
    return dataclasses.replace(host, label=slice_label(host.source, {}, shape), hu=put(host, donor, box, shape, rng), lesion=shape)


def sham(host: Slice, donor: Slice, shaped: Slice, rng: np.random.Generator) -> Slice:
    """The host with lung of the donor, free of lesions like itself, along the lesions of a third slice. Label and masks stay."""
    box = moved_frame(donor, rng)
    shape = (onto(host, shaped.lesions, moved_frame(shaped, rng), 0.0) > 0.5) & host.lungs & (onto(host, donor.lungs, box, 0.0) > 0.99)
    return dataclasses.replace(host, hu=put(host, donor, box, shape, rng)) if shape.any() else host

"""The deletion test: how far does the logit fall when a part of a slice is replaced by lung of the same slice?

If a map shows what decides, taking away what it shows takes the decision away, nearly as far as taking away the lesions does.
"""

import dataclasses

import numpy as np
import torch

from jcs.data import Slice
from jcs.scanner import blurred

PART = 0.1  # of the lungs, by the map and at random
GRAIN = 0.8  # pixels, of the lung that is put in
RADIUS = (0.02, 0.06)  # of the frame's width, of random patches


def with_lung(item: Slice, region: np.ndarray, rng: np.random.Generator) -> Slice:
    """The slice with lung, as of the rest of its lungs, in a region [H, W]: level and spread of what is neither lesion nor vessel."""
    healthy = item.hu[item.lungs & ~item.lesions & ~region]
    if not healthy.size:
        raise ValueError(f"{item.file} has no lung outside its lesions")
    low, level, high = np.percentile(healthy, (16, 50, 84))
    noise = blurred(torch.from_numpy(rng.standard_normal(item.hu.shape, np.float32))[None], GRAIN)[0].numpy()
    lung = level + (high - low) / 2 * noise / noise.std()
    share = blurred(torch.from_numpy(region.astype(np.float32))[None], 1.0)[0].numpy() * (item.lungs | region)
    share = np.maximum(share, region)
    return dataclasses.replace(item, hu=((1 - share) * item.hu + share * lung).round().astype(np.int16))


def highest(activation: np.ndarray, lungs: np.ndarray, part: float = PART) -> np.ndarray:
    """The part of the lungs [H, W] in which the map over the slice is highest."""
    count = max(1, round(part * int(lungs.sum())))
    order = np.argsort(-np.where(lungs, activation, -np.inf), axis=None, kind="stable")[:count]
    region = np.zeros(lungs.size, bool)
    region[order] = True
    return region.reshape(lungs.shape)


def patches(item: Slice, rng: np.random.Generator, part: float = PART) -> np.ndarray:
    """Discs at random in the lungs until they cover that part of them."""
    places = np.argwhere(item.lungs)
    rows, columns = np.ogrid[: item.hu.shape[0], : item.hu.shape[1]]
    region = np.zeros(item.hu.shape, bool)
    while region.sum() < part * len(places):
        centre, radius = places[rng.integers(len(places))], rng.uniform(*RADIUS) * item.frame[2]
        region |= item.lungs & ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2)
    return region


def deletions(item: Slice, activation: np.ndarray, rng: np.random.Generator) -> dict[str, Slice]:
    """The slice without its lesions, without the highest part of the map, and without random patches."""
    regions = {
        "lesions": item.lesions & item.lungs,
        "highest activation": highest(activation, item.lungs),
        "random patches": patches(item, rng),
    }
    return {name: with_lung(item, region, rng) for name, region in regions.items()}

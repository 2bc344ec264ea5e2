"""How far a slice lies from what the classifier was trained on: whether its answer is worth anything there.

Not in JCS. Two things are looked at: the pooled features, and how many pixels of the frame around the lungs have which grey level. The
features alone are not enough, since a trunk that looks for lesions says of a phantom what it says of a clear lung. Of either, training
slices have a mean and few directions in which they vary. A slice's distance is the mean square of how far it lies along these directions,
in standard deviations, and of how far beside them, as a part of the usual: about 1 for slices like those of the training, more for others;
the larger of both counts. It is an output of the served classifier, and the manifest says which distance is too large: nineteen of twenty
validation slices lie below. A study whose median lies above is unlike the training data. Its answer stays.
"""

import dataclasses

import numpy as np
import torch
from torch import Tensor, nn

from jcs.prepare import GREY_CENTRE, GREY_SPREAD

DIRECTIONS = 32  # of the features
LEVELS, LEVEL_DIRECTIONS = 16, 4  # of the histogram of grey levels: a step is 100 HU, more than the sets' levels are uncertain by
EVERY = 2  # pixels of a row and of a column that are counted
SHARE = 0.95  # of the validation slices that lie within the limit
OF_EACH_SET = 90  # training slices; sets weigh alike, however large they are


class Spread(nn.Module):
    """Values [N, C] -> how far each lies from what was fitted [N]."""

    mean: Tensor
    directions: Tensor
    variance: Tensor
    beside: Tensor

    def __init__(self, mean: Tensor, directions: Tensor, variance: Tensor, beside: float):
        super().__init__()
        self.register_buffer("mean", mean)  # [C]
        self.register_buffer("directions", directions)  # [C, k], of length 1 and at right angles
        self.register_buffer("variance", variance)  # [k], along them
        self.register_buffer("beside", torch.tensor(beside))  # mean square of what is left

    def forward(self, values: Tensor) -> Tensor:
        off = values - self.mean
        along = off @ self.directions
        rest = (off * off).sum(1) - (along * along).sum(1)
        return ((along * along / self.variance).mean(1) + rest.clamp(min=0) / self.beside) / 2


class Distance(nn.Module):
    """Pooled features [N, C] and prepared input [N, 3, S, S] -> [N]."""

    def __init__(self, features: Spread, levels: Spread):
        super().__init__()
        self.features, self.levels = features, levels

    def forward(self, pooled: Tensor, prepared: Tensor) -> Tensor:
        return torch.maximum(self.features(pooled), self.levels(histogram(prepared)))


def histogram(prepared: Tensor) -> Tensor:
    """[N, 3, S, S] -> [N, LEVELS]: roots of the shares of pixels that have each grey level; one between two levels counts for both.

    Of roots, so that the usual differences of rare and of frequent levels are of a size.
    """
    grey = prepared[:, 0, ::EVERY, ::EVERY] * GREY_SPREAD + GREY_CENTRE
    position = grey.flatten(1)[:, None] * (LEVELS - 1)
    level = torch.arange(LEVELS, dtype=torch.float32)[None, :, None]
    return (1 - (position - level).abs()).clamp(min=0).mean(2).sqrt()


def spread(values: np.ndarray, directions: int) -> Spread:
    """From values [n, C] of training slices, n > `directions`."""
    if len(values) <= directions:
        raise ValueError(f"{len(values)} slices do not fix {directions} directions")
    mean = values.mean(0)
    off = (values - mean).astype(np.float64)
    _, size, basis = np.linalg.svd(off, full_matrices=False)
    variance = size[:directions] ** 2 / len(off)
    beside = float((size[directions:] ** 2).sum() / len(off))
    along = torch.from_numpy(basis[:directions].T.astype(np.float32).copy())
    return Spread(torch.from_numpy(mean.astype(np.float32)), along, torch.from_numpy(variance.astype(np.float32)), beside)


def fitted(pooled: np.ndarray, histograms: np.ndarray, directions: int = DIRECTIONS) -> Distance:
    """From pooled features [n, C] and histograms [n, LEVELS] of training slices."""
    return Distance(spread(pooled, directions), spread(histograms, LEVEL_DIRECTIONS))


def limit(values: np.ndarray, sources: list[str]) -> float:
    """What `SHARE` of validation slices lie below, each set weighing alike."""
    names = np.array(sources)
    weight = np.array([1 / (names == name).sum() for name in sources])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    return round(float(values[order][np.searchsorted(reached, SHARE - 1e-9)]), 3)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Of a study."""

    median: float
    unlike: bool


def verdict(values: np.ndarray, at_most: float) -> Verdict:
    """From the distances of a study's slices [n]."""
    median = float(np.median(values))
    return Verdict(median, median > at_most)


# What is certainly no chest.


def phantom(side: int = 512) -> np.ndarray:
    """A cylinder of water with rods of other stuff, as scanners are tested with: [side, side] int16 in HU."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    radius = 0.36 * side
    hu = np.where(x * x + y * y < radius * radius, 0, -1000)
    for number, rod in enumerate((-900, -500, 120, 300, -100, 900)):
        angle = number * np.pi / 3
        hu[(x - 0.6 * radius * np.cos(angle)) ** 2 + (y - 0.6 * radius * np.sin(angle)) ** 2 < (radius / 7) ** 2] = rod
    return hu.astype(np.int16)


def inverted(hu: np.ndarray) -> np.ndarray:
    """A slice with black and white exchanged within the lung window."""
    return (-1200 - hu.astype(np.int32)).clip(-1350, 150).astype(np.int16)

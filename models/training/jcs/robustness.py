"""What the classifier says of the same studies seen otherwise: other dose, kernel, breath, grey scale, matrix and field of view.

Each change takes a slice [H, W] in HU, float32, and a generator, and gives a slice in HU; its size may be another.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from jcs import augment, scanner
from jcs.prepare import AIR

Change = Callable[[torch.Tensor, np.random.Generator], torch.Tensor]
LUNG_TOP, TISSUE = -800.0, -300.0  # HU: below the former it is lung and changes wholly with breath, above the latter not at all


def noise(spread: float, grain: float) -> Change:
    """Noise of so many HU, white or with a grain of so many pixels, as a soft kernel leaves it."""

    def change(hu: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        drawn = torch.from_numpy(rng.standard_normal(hu.shape, np.float32))
        if grain:
            drawn = scanner.blurred(drawn, grain)
        return hu + spread * drawn / drawn.std()

    return change


def sharpened(hu: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    return hu + 1.2 * (hu - scanner.blurred(hu, 1.0))


def exhaled(hu: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Lungs 100 HU denser; the air around the patient stays."""
    share = ((TISSUE - hu) / (TISSUE - LUNG_TOP)).clamp(0, 1) * (hu > -970)
    return hu + 100 * share


def shrunk(side: int) -> Change:
    return lambda hu, rng: F.interpolate(hu[None], (side, side), mode="area")[0]


def widened(hu: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """A fifth of the picture more on each side."""
    return F.pad(hu, (hu.shape[2] // 5,) * 4, value=AIR)


def cropped(hu: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """A twelfth of the picture less on each side."""
    off = hu.shape[2] // 12
    return hu[:, off:-off, off:-off]


CHANGES: dict[str, Change] = {
    "as it is": lambda hu, rng: hu,
    "white noise of 80 HU": noise(80, 0),
    "grainy noise of 30 HU": noise(30, 1.0),
    "grainy noise of 60 HU": noise(60, 1.0),
    "sharp kernel": sharpened,
    "soft kernel": lambda hu, rng: scanner.blurred(hu, 1.5),
    "lungs 100 HU denser, as breathed out": exhaled,
    "30 HU brighter": lambda hu, rng: hu + 30,
    "30 HU darker": lambda hu, rng: hu - 30,
    "matrix of 256 x 256": shrunk(256),
    "field of view 1.4 times as wide": widened,
    "field of view 0.83 times as wide": cropped,
    "turned by 5 degrees": lambda hu, rng: augment.rotated(hu, 5.0),
    "left and right exchanged": lambda hu, rng: hu.flip(2),
}


def changed(hu: np.ndarray, change: Change, seed: int, kept: tuple[int, int]) -> np.ndarray:
    """The slice [H, W] int16 after a change, within the HU that a reader keeps."""
    seen = change(torch.from_numpy(hu.astype(np.float32))[None], np.random.default_rng(seed))[0]
    return seen.round().clamp(*kept).numpy().astype(np.int16)

"""Where the lungs are on a slice for which no one has drawn them."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

DARK = -400  # HU; below it is air or lung
CLOSING = 9  # pixels: vessels of this width within a lung belong to it
LEAST = 0.06  # of the slice; less is bowel, the trachea or the lungs' tips


def connected(start: np.ndarray, within: np.ndarray) -> np.ndarray:
    """The part of `within` [H, W] that is joined to `start` through pixels that share an edge."""
    found = start & within
    while True:
        grown = found.copy()
        grown[1:] |= found[:-1]
        grown[:-1] |= found[1:]
        grown[:, 1:] |= found[:, :-1]
        grown[:, :-1] |= found[:, 1:]
        grown &= within
        if (grown == found).all():
            return found
        found = grown


def filtered(mask: np.ndarray, kind: Callable[[int], ImageFilter.Filter], size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(mask.astype(np.uint8)).filter(kind(size))) > 0


def find_lungs(hu: np.ndarray) -> np.ndarray | None:
    """[H, W] in HU -> mask of what is dark and not joined to the border, with its vessels; None where that is too little for lungs."""
    dark = hu < DARK
    border = np.zeros(dark.shape, bool)
    border[[0, -1]] = border[:, [0, -1]] = True
    inside = dark & ~connected(border, dark)
    inside = filtered(filtered(inside, ImageFilter.MinFilter, 3), ImageFilter.MaxFilter, 3)  # the table's and the skin's thin gaps
    closed = filtered(filtered(inside, ImageFilter.MaxFilter, CLOSING), ImageFilter.MinFilter, CLOSING)
    return closed if closed.mean() >= LEAST else None

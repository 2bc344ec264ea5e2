"""Training slices with COVID-19 that no one has outlined, outlined by a network, as far as it is sure of them (self-training).

What it outlines wrongly is learnt as if it were right. So a slice counts only if the Dice that the network itself expects is high: with
probabilities p and the mask m of those above a half, 2 sum(p m) / (sum(p) + sum(m)), which is 1 where p is 0 or 1 everywhere.
"""

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np

from jcs import data

LEAST_DICE = 0.85  # expected
Ask = Callable[[data.Slice], np.ndarray]


def expected_dice(probability: np.ndarray) -> float:
    """Of the mask at a half, by probabilities [H, W] that are believed; 1 where nothing is marked and nothing suspected."""
    mask = probability >= 0.5
    total = float(probability.sum()) + int(mask.sum())
    return 2 * float(probability[mask].sum()) / total if total else 1.0


def unmasked(slices: Iterable[data.Slice]) -> list[data.Slice]:
    """Slices of the training split that show COVID-19 and have no mask."""
    return [s for s in slices if s.split == "train" and s.label == 1 and s.lesion is None]


def outlined(slices: Iterable[data.Slice], ask: Ask) -> list[data.Slice]:
    """Those that `ask`, the lesion probability [H, W] of a slice, is sure of, with its masks."""
    found = []
    for item in slices:
        probability = ask(item)
        mask = probability >= 0.5
        if mask.mean() >= data.SMALLEST_LESION and expected_dice(probability) >= LEAST_DICE:
            found.append(dataclasses.replace(item, lesion=mask))
    return found

"""What smoothing along the patient does (`cascade.smooth_mm` of the node; 0 is the paper's): flips, lengths, the decision's margin."""

import numpy as np

from jcs import cascade, metrics

LENGTHS = (0.0, 3.0, 5.0, 10.0, 15.0)  # mm
THINNED = (2, 3)  # each so many-th slice


def length(score: np.ndarray, positions: np.ndarray, smooth_mm: float, point: float) -> float:
    """Positive mm of a study whose slices score so."""
    positive = cascade.smoothed(score, positions, smooth_mm) >= point
    return float(cascade.extents(positions)[positive].sum())


def row(scores: dict[str, np.ndarray], label: np.ndarray, positions: np.ndarray, smooth_mm: float, point: float) -> dict:
    """Of one study, whose scores by change begin with those as it is: lengths in mm, and flips for each hundred pairs of neighbours.

    `label` is 1, 0, or not finite where nobody knows.
    """
    lengths = {change: length(score, positions, smooth_mm, point) for change, score in scores.items()}
    as_it_is = next(iter(scores.values()))
    smooth = cascade.smoothed(as_it_is, positions, smooth_mm)
    known, positive = np.isfinite(label), label == 1
    return {
        "smooth_mm": smooth_mm,
        "flips": 100 * cascade.flips(smooth >= point) / (len(smooth) - 1),
        "auc": metrics.auc(smooth[known], label[known]) if 0 < positive.sum() < known.sum() else None,
        "sensitivity": float((smooth[positive] >= point).mean()) if positive.any() else None,
        "mm": next(iter(lengths.values())),
        "least_mm": min(lengths.values()),
        "most_mm": max(lengths.values()),
        "thinned_mm": [length(as_it_is[::k], positions[::k], smooth_mm, point) for k in THINNED],
    }


def table(scores: dict[str, np.ndarray], label: np.ndarray, positions: np.ndarray, point: float) -> list[dict]:
    return [row(scores, label, positions, smooth_mm, point) for smooth_mm in LENGTHS]

"""The node's rules for a patient, as `pipeline/cascade` and `pipeline/ct` have them: lengths, decision, slices worth segmenting."""

import numpy as np

GAP_FACTOR = 1.5  # a step larger than this many usual steps lacks a plane
TOLERANCE = 1e-6  # mm; sums of decimals must not decide by their last bit
NEAR_MM = 10.0
RULE_MM = 25.0  # more positive millimetres make a patient positive, JCS's 25 slices as the node counts them


def extents(positions: np.ndarray) -> np.ndarray:
    """Length of patient in mm that each of at least two slices stands for: half way to its neighbours, never across a gap."""
    steps = np.diff(positions)
    usual = np.sort(steps)[(len(steps) - 1) // 2]
    gaps = steps > GAP_FACTOR * usual
    spacing = steps[~gaps].mean()
    half = np.where(gaps, spacing, steps) / 2
    return np.append(half, spacing / 2) + np.insert(half, 0, spacing / 2)


def positive_by_count(positive: np.ndarray, threshold: int) -> bool:
    """The paper's rule: more than `threshold` slices are positive."""
    return int(positive.sum()) > threshold


def positive_by_length(positive: np.ndarray, positions: np.ndarray, threshold_mm: float) -> bool:
    """The node's default: positive slices stand for more than `threshold_mm` of the patient."""
    return float(extents(positions)[positive].sum()) > threshold_mm + TOLERANCE


def near(positive: np.ndarray, positions: np.ndarray, mm: float = NEAR_MM) -> np.ndarray:
    """Which slices lie within `mm` of a positive one: what `segment = "near"` segments. [n] bool"""
    if not positive.any():
        return np.zeros(len(positions), bool)
    return np.abs(positions[:, None] - positions[positive][None]).min(1) <= mm + TOLERANCE


def smoothed(probability: np.ndarray, positions: np.ndarray, length_mm: float) -> np.ndarray:
    """Not in JCS: the median of the probabilities within half of `length_mm` of each slice, [n]; 0 mm leaves them as they are.

    A slice further from its neighbours than that keeps its own, and nothing reaches across a gap that is wider.
    """
    near = np.abs(positions[:, None] - positions[None]) <= length_mm / 2 + TOLERANCE
    return np.array([np.median(probability[row]) for row in near]) if length_mm else np.asarray(probability).copy()


def flips(positive: np.ndarray) -> int:
    """How often neighbouring slices are called differently."""
    return int((np.diff(positive.astype(int)) != 0).sum())

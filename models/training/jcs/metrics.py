"""Measures of JCS section V-A, plus the area under the ROC curve."""

import numpy as np


def dice(predicted: np.ndarray, truth: np.ndarray) -> float:
    """2 |P and G| / (|P| + |G|) of two boolean masks; 1 if both are empty."""
    total = int(predicted.sum()) + int(truth.sum())
    return 2 * int((predicted & truth).sum()) / total if total else 1.0


def iou(predicted: np.ndarray, truth: np.ndarray) -> float:
    """|P and G| / |P or G| of two boolean masks; 1 if both are empty."""
    union = int((predicted | truth).sum())
    return int((predicted & truth).sum()) / union if union else 1.0


def auc(score: np.ndarray, label: np.ndarray) -> float:
    """Probability that a positive scores above a negative, ties count half; nan without both classes."""
    score, label = np.asarray(score, np.float64), np.asarray(label, bool)
    positives, negatives = int(label.sum()), int((~label).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((rank[label].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def sensitivity_specificity(score: np.ndarray, label: np.ndarray, threshold: float) -> tuple[float, float]:
    """Shares of positives at or above the threshold and of negatives below it."""
    score, label = np.asarray(score), np.asarray(label, bool)
    return float((score[label] >= threshold).mean()), float((score[~label] < threshold).mean())


def youden_threshold(score: np.ndarray, label: np.ndarray, candidates: np.ndarray) -> float:
    """The candidate with the largest sensitivity + specificity; the middle one of equals."""
    sums = np.array([sum(sensitivity_specificity(score, label, t)) for t in candidates])
    best = np.flatnonzero(sums >= sums.max() - 1e-9)
    return float(candidates[best[len(best) // 2]])

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


def specific_threshold(score: np.ndarray, label: np.ndarray, specificity: float) -> float:
    """Where at most so many negatives are wrong that this specificity is kept: halfway between the highest negative that has to be right
    and the next above it (or 1), so that neither is near, with as few decimals as that allows."""
    negative = np.sort(np.asarray(score, np.float64)[np.asarray(label) == 0])[::-1]
    tolerated = int((1 - specificity) * len(negative) + 1e-9)
    if tolerated >= len(negative):
        return 0.0
    right = negative[tolerated]
    wrong = float(np.min(negative[negative > right], initial=1.0))
    middle = (right + wrong) / 2
    short = (round(middle, digits) for digits in range(2, 6))
    return next((value for value in short if right < value < wrong), middle)


def reliability(score: np.ndarray, label: np.ndarray, bins: int = 10) -> list[dict]:
    """Of each tenth of the scale that holds slices: how many, their mean probability, and the share of them that is positive."""
    score, label = np.asarray(score, np.float64), np.asarray(label, bool)
    place = np.minimum((score * bins).astype(int), bins - 1)
    return [
        {"slices": int((place == k).sum()), "said": float(score[place == k].mean()), "found": float(label[place == k].mean())}
        for k in range(bins)
        if (place == k).any()
    ]


def expected_calibration_error(score: np.ndarray, label: np.ndarray, bins: int = 10) -> float:
    """Mean distance between what is said and what is found, over the bins of `reliability`, each by its number of slices."""
    rows = reliability(score, label, bins)
    return sum(row["slices"] * abs(row["said"] - row["found"]) for row in rows) / len(score)


def bland_altman(measured: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Mean difference of pairs, and the limits within which 95 % of differences lie (mean and 1.96 standard deviations)."""
    difference = np.asarray(measured, np.float64) - np.asarray(truth, np.float64)
    spread = float(difference.std(ddof=1)) if len(difference) > 1 else float("nan")
    mean = float(difference.mean())
    return {"pairs": len(difference), "mean": mean, "low": mean - 1.96 * spread, "high": mean + 1.96 * spread}


def e_measure(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Enhanced alignment of two boolean masks (Fan et al. 2018), mean over the pixels.

    Each mask less its mean is aligned at each pixel, xi = 2 p g / (p^2 + g^2), and (1 + xi)^2 / 4 is averaged. A truth that is empty (or
    full) has no contrast: there the measure is the share of pixels that are rightly empty (full). Both masks are two-valued, so four
    values of xi, weighted by how often they occur, are all there are.
    """
    pixels = truth.size
    positives = int(truth.sum())
    if positives in (0, pixels):
        return float((predicted == truth).mean())
    p_mean, g_mean = float(predicted.mean()), positives / pixels
    total = 0.0
    for p in (False, True):
        for g in (False, True):
            a, b = p - p_mean, g - g_mean
            xi = 2 * a * b / (a * a + b * b)
            total += (1 + xi) ** 2 / 4 * int(((predicted == p) & (truth == g)).sum())
    return total / pixels


def roc(score: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 - specificity and sensitivity for every threshold, from (0, 0) to (1, 1)."""
    score, label = np.asarray(score, np.float64), np.asarray(label, bool)
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    hits, alarms = np.cumsum(label[order])[ends], np.cumsum(~label[order])[ends]
    return np.append(0, alarms / max(1, int((~label).sum()))), np.append(0, hits / max(1, int(label.sum())))


def count_regions(mask: np.ndarray) -> int:
    """Connected regions of a boolean mask [H, W]; pixels that share a corner are connected."""
    parent: list[int] = []

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = run = parent[parent[run]]
        return run

    above: list[tuple[int, int, int]] = []  # first column, one past the last, number of each run of the row before
    for row in mask:
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(np.int8), [0]))))
        runs = []
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist()):
            number = len(parent)
            parent.append(number)
            for other_start, other_end, other in above:
                if other_start <= end and start <= other_end:
                    parent[root(other)] = root(number)
            runs.append((start, end, number))
        above = runs
    return sum(parent[run] == run for run in range(len(parent)))

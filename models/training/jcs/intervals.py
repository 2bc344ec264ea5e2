"""How sure a share or a statistic of few samples is: 95 % confidence intervals."""

from collections.abc import Callable

import numpy as np

Z = 1.959964  # of 95 %
DRAWS = 2000


def wilson(successes: int, total: int) -> tuple[float, float] | None:
    """Interval of a share (Wilson 1927), which stays in 0..1 and is sensible for few samples; None for none."""
    if not total:
        return None
    share, z2 = successes / total, Z * Z
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z / (1 + z2 / total) * float(np.sqrt(share * (1 - share) / total + z2 / (4 * total**2)))
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap(
    statistic: Callable[[np.ndarray], float], groups: np.ndarray, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float] | None:
    """Percentile interval of `statistic` (of sample indices) when whole groups are drawn with replacement.

    `groups` [n] names the group of each sample: the patient, or a name of its own where samples stand for themselves. Draws for which
    the statistic is not a number (one class alone) are left out; None if that is most of them.
    """
    rng = np.random.default_rng(seed)
    _, number = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(number == k) for k in range(number.max() + 1)]
    values = [statistic(np.concatenate([members[k] for k in rng.integers(len(members), size=len(members))])) for _ in range(draws)]
    values = [v for v in values if not np.isnan(v)]
    if len(values) < draws / 2:
        return None
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)

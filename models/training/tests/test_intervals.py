import numpy as np
import pytest

from jcs import intervals


# Worked values of Wilson's interval: Newcombe 1998 (81/263), and the ends by (z^2 / (n + z^2)).
@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (1, 1, 0.2065, 1), (1, 2, 0.0945, 0.9055)],
)
def test_wilson(successes, total, low, high):
    assert intervals.wilson(successes, total) == pytest.approx((low, high), abs=1e-4)


def test_no_samples_have_no_interval():
    assert intervals.wilson(0, 0) is None


def test_bootstrap_repeats_and_spans_the_mean():
    values = np.random.default_rng(1).normal(3, 1, 400)
    first, second = (intervals.bootstrap(lambda i: values[i].mean(), np.arange(400), draws=500) for _ in range(2))
    assert first == second
    # The mean's standard error is 1/20.
    assert first[0] == pytest.approx(values.mean() - 1.96 / 20, abs=0.02) and first[1] == pytest.approx(values.mean() + 1.96 / 20, abs=0.02)


def test_slices_of_a_patient_are_drawn_together():
    """Twenty equal slices of each of ten patients say as much as ten values, not as two hundred."""
    values = np.repeat(np.random.default_rng(2).normal(0, 1, 10), 20)
    low, high = intervals.bootstrap(lambda i: values[i].mean(), np.repeat(np.arange(10), 20))
    narrow_low, narrow_high = intervals.bootstrap(lambda i: values[i].mean(), np.arange(200))
    assert high - low > 3 * (narrow_high - narrow_low)


def test_too_few_usable_draws_give_no_interval():
    assert intervals.bootstrap(lambda i: float("nan"), np.arange(3), draws=10) is None

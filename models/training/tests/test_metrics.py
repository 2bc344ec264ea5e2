import math

import numpy as np
import pytest

from jcs import metrics

A = np.array([[1, 1, 0], [0, 0, 0]], bool)
B = np.array([[1, 0, 0], [1, 0, 0]], bool)
NONE = np.zeros((2, 3), bool)


@pytest.mark.parametrize(("p", "g", "dice", "iou"), [(A, A, 1, 1), (A, B, 0.5, 1 / 3), (A, NONE, 0, 0), (NONE, NONE, 1, 1)])
def test_overlap(p, g, dice, iou):
    assert metrics.dice(p, g) == pytest.approx(dice)
    assert metrics.iou(p, g) == pytest.approx(iou)


@pytest.mark.parametrize(
    ("score", "label", "area"),
    [([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75), ([1, 2, 3], [0, 1, 1], 1), ([3, 2, 1], [0, 1, 1], 0), ([1, 1, 1, 1], [0, 1, 0, 1], 0.5)],
)
def test_auc(score, label, area):
    assert metrics.auc(np.array(score), np.array(label)) == pytest.approx(area)


def test_auc_without_both_classes_is_not_a_number():
    assert math.isnan(metrics.auc(np.array([0.1, 0.2]), np.array([1, 1])))


def test_a_score_at_the_threshold_is_positive():
    assert metrics.sensitivity_specificity(np.array([0.5, 0.2, 0.5, 0.1]), np.array([1, 1, 0, 0]), 0.5) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("negatives", "specificity", "threshold"),
    [
        ([0.1, 0.4, 0.6], 2 / 3, 0.5),  # one may be wrong: between 0.4 and 0.6
        ([0.1, 0.4, 0.6], 0.6, 0.5),
        ([0.1, 0.4, 0.6], 0.7, 0.8),  # none may: between 0.6 and 1
        ([0.1, 0.4, 0.6], 0.0, 0.0),
        ([0.1, 0.4, 0.4, 0.9], 0.5, 0.65),  # two may be wrong, but the second and third are alike
        ([0.101, 0.105], 0.5, 0.103),  # not rounded onto one of them
        ([0.861, 0.86900413], 0.5, 0.865),  # no decimals that say nothing
        ([1.0, 1.0], 0.5, 1.0),
    ],
)
def test_specific_threshold_is_in_the_middle_between_right_and_wrong_negatives(negatives, specificity, threshold):
    score, label = np.array([*negatives, 0.95, 0.2]), np.array([0] * len(negatives) + [1, 1])
    assert metrics.specific_threshold(score, label, specificity) == pytest.approx(threshold, abs=1e-9)


@pytest.mark.parametrize(
    ("p", "g", "expected"),
    [
        (A, A, 1),
        (~A, A, 0),  # each pixel is exactly misaligned
        (NONE, A, 0.25),  # no contrast in the prediction: xi is 0 everywhere
        (NONE, NONE, 1),
        (B, NONE, 4 / 6),
        # Both have mean 1/3. Equal pixels (1 hit, 3 clear) have xi = 1. Of the two others, with deviations 2/3 and -1/3:
        # xi = 2 (2/3) (-1/3) / (4/9 + 1/9) = -4/5, which gives (1 - 4/5)^2 / 4 = 0.01.
        (A, B, (4 + 2 * 0.01) / 6),
    ],
)
def test_e_measure_by_hand(p, g, expected):
    assert metrics.e_measure(p, g) == pytest.approx(expected)


def test_e_measure_is_the_mean_over_pixels_of_the_published_formula():
    rng = np.random.default_rng(0)
    p, g = rng.random((9, 7)) < 0.3, rng.random((9, 7)) < 0.4
    a, b = p - p.mean(), g - g.mean()
    assert metrics.e_measure(p, g) == pytest.approx(float(((1 + 2 * a * b / (a * a + b * b)) ** 2 / 4).mean()))


def test_roc_goes_through_every_threshold_and_has_the_area():
    score, label = np.array([0.1, 0.4, 0.35, 0.8, 0.4]), np.array([0, 0, 1, 1, 1])
    alarms, hits = metrics.roc(score, label)
    assert list(zip(alarms, hits)) == [(0, 0), (0, 1 / 3), (0.5, 2 / 3), (0.5, 1), (1, 1)]
    assert np.trapezoid(hits, alarms) == pytest.approx(metrics.auc(score, label))


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        (["....", "...."], 0),
        (["##..", "..##"], 1),  # they share a corner
        (["#.#.", "....", "##.#"], 4),
        (["#..#", "#..#", "####"], 1),  # two arms that meet below
        (["#.#.#", "#####", ".....", "#####"], 2),
        (["###", "#.#", "###"], 1),
    ],
)
def test_regions(rows, count):
    assert metrics.count_regions(np.array([[c == "#" for c in row] for row in rows])) == count


def test_calibration_of_known_cases():
    score = np.array([0.05] * 20 + [0.95] * 20 + [0.55] * 10)
    label = np.array([0] * 19 + [1] + [1] * 19 + [0] + [1] * 5 + [0] * 5)
    rows = metrics.reliability(score, label)
    assert [(r["slices"], round(r["said"], 2), round(r["found"], 2)) for r in rows] == [(20, 0.05, 0.05), (10, 0.55, 0.5), (20, 0.95, 0.95)]
    assert metrics.expected_calibration_error(score, label) == pytest.approx(0.05 * 10 / 50)
    assert metrics.expected_calibration_error(np.ones(4), np.zeros(4)) == 1  # 1.0 belongs to the last bin
    rng = np.random.default_rng(0)
    honest = rng.uniform(size=20000)
    drawn = rng.uniform(size=20000) < honest
    assert metrics.expected_calibration_error(honest, drawn) < 0.02
    assert metrics.expected_calibration_error(honest**3, drawn) > 0.15


def test_bland_altman_by_hand():
    found = metrics.bland_altman(np.array([11.0, 12.0, 13.0]), np.array([10.0, 10.0, 10.0]))
    assert found == {"pairs": 3, "mean": 2.0, "low": pytest.approx(0.04), "high": pytest.approx(3.96)}

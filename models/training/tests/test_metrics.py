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


def test_youden_takes_the_middle_of_equal_thresholds():
    assert metrics.youden_threshold(np.array([0.1, 0.9]), np.array([0, 1]), np.array([0.05, 0.3, 0.5, 0.7, 0.95])) == 0.5

"""The rules as the node has them (pipeline/cascade, pipeline/ct)."""

import numpy as np
import pytest

from jcs import cascade


def test_extents_reach_half_way_to_the_neighbours():
    assert cascade.extents(np.array([0.0, 2.0, 4.0, 7.0])).tolist() == pytest.approx([2.1667, 2, 2.5, 2.6667], abs=1e-4)


def test_extents_do_not_span_gaps():
    assert cascade.extents(np.array([0.0, 2.0, 4.0, 12.0, 14.0])).tolist() == [2, 2, 2, 2, 2]


def test_more_than_the_threshold_is_positive():
    positive = np.arange(40) < 25
    assert not cascade.positive_by_count(positive, 25) and cascade.positive_by_count(positive, 24)


@pytest.mark.parametrize(("step", "needed"), [(0.5, 51), (1.0, 26), (2.0, 13), (5.0, 6)])
def test_length_rule_needs_as_many_slices_as_the_node_says(step, needed):
    positions = step * np.arange(100)
    for count in (needed - 1, needed):
        positive = (np.arange(100) >= 10) & (np.arange(100) < 10 + count)
        assert cascade.positive_by_length(positive, positions, 25.0) == (count == needed)


def test_near_takes_positive_slices_and_those_within_ten_millimetres():
    positions = np.array([0.0, 5.0, 10.0, 15.0, 20.0, 25.1])
    positive = np.array([False, True, False, False, False, False])
    assert cascade.near(positive, positions).tolist() == [True, True, True, True, False, False]
    assert not cascade.near(np.zeros(6, bool), positions).any()

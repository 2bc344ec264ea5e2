"""The rules as the node has them (pipeline/cascade, pipeline/ct)."""

import json
import pathlib

import numpy as np
import pytest

from jcs import cascade

SMOOTHING = pathlib.Path(__file__).parents[3] / "testdata" / "smoothing.json"  # the node is tested with the same


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


@pytest.mark.parametrize("case", json.loads(SMOOTHING.read_text()), ids=lambda case: case["name"])
def test_smoothing_as_the_node_does(case):
    smooth = cascade.smoothed(np.array(case["probabilities"]), np.array(case["positions"]), case["length_mm"])
    assert smooth.tolist() == pytest.approx(case["smoothed"], abs=1e-9)


def test_smoothing_over_a_length():
    positions = np.arange(7) * 2.0
    probability = np.array([0.1, 0.9, 0.1, 0.1, 0.9, 0.9, 0.9])
    three = cascade.smoothed(probability, positions, 4.0)
    assert three.tolist() == pytest.approx([0.5, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9])  # a lone slice goes, an end is a median of two
    assert cascade.flips(probability >= 0.5) == 3 and cascade.flips(three > 0.5) == 1
    assert cascade.smoothed(probability, positions, 0.0).tolist() == probability.tolist()
    assert cascade.smoothed(probability, positions, 3.9).tolist() == probability.tolist()  # no neighbour within 1.95 mm


def test_smoothing_follows_mm_and_not_slices_and_stops_at_gaps():
    probability = np.array([0.9, 0.1, 0.9, 0.9, 0.1])
    close, thinned = np.arange(5) * 1.0, np.arange(5) * 5.0
    assert cascade.smoothed(probability, thinned, 4.0).tolist() == probability.tolist()
    assert cascade.smoothed(probability, close, 2.0).tolist() == pytest.approx([0.5, 0.9, 0.9, 0.9, 0.5])
    gap = np.array([0.0, 1.0, 2.0, 40.0, 41.0])
    assert cascade.smoothed(probability, gap, 4.0).tolist() == pytest.approx([0.9, 0.9, 0.9, 0.5, 0.5])


def test_smoothing_keeps_a_patients_length_where_slices_agree():
    positions = np.sort(np.random.default_rng(0).uniform(0, 300, 120))
    probability = np.where((positions > 80) & (positions < 200), 0.95, 0.05)
    smooth = cascade.smoothed(probability, positions, 10.0)
    lengths = cascade.extents(positions)
    assert abs(lengths[smooth > 0.5].sum() - lengths[probability > 0.5].sum()) < 10

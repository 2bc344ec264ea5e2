"""Which slices without masks a network's own masks are taken for."""

import dataclasses

import numpy as np
import pytest

from hand_made import chest
from jcs import recipe
from jcs.sampling import SegmenterSampler
from jcs.self_training import expected_dice, outlined, unmasked


@pytest.mark.parametrize(
    ("probability", "dice"),
    [
        ([[1.0, 0.0]], 1.0),
        ([[0.0, 0.0]], 1.0),
        ([[0.5, 0.5]], 2 / 3),  # marks both, half of which is expected to be lesion
        ([[0.9, 0.3]], 2 * 0.9 / (1.2 + 1)),
        ([[0.4, 0.4]], 0.0),  # marks nothing, expects something
    ],
)
def test_expected_dice(probability, dice):
    assert expected_dice(np.array(probability)) == pytest.approx(dice)


def without_mask(number: int, split: str = "train", label: int = 1):
    return dataclasses.replace(chest(number, True, "covid_ct", split=split), lesion=None, label=label)


def test_only_unmasked_positives_of_the_training_split_are_asked_for():
    wanted = without_mask(1)
    others = [without_mask(2, split="val"), without_mask(3, label=0), chest(4, True, "seg20")]
    assert unmasked([wanted, *others]) == [wanted]


def test_what_the_network_is_sure_of_gets_its_mask():
    sure, unsure, nothing = without_mask(1), without_mask(2), without_mask(3)
    marked = np.zeros(sure.hu.shape, bool)
    marked[10:40, 10:40] = True
    answers = {id(sure): marked * 0.95, id(unsure): marked * 0.55 + ~marked * 0.2, id(nothing): marked * 0.0}
    found = outlined([sure, unsure, nothing], lambda item: answers[id(item)])
    assert len(found) == 1 and found[0].file == sure.file and np.array_equal(found[0].lesion, marked)


def test_they_are_drawn_as_often_as_the_recipe_says_and_never_when_it_says_nothing():
    slices = [chest(k, k % 2 == 0, "seg20") for k in range(10)]
    extra = [dataclasses.replace(chest(20, True, "covid_ct"), label=1)]
    table = recipe.load("short-self-training").segmenter
    sampler, rng = SegmenterSampler(slices, 1, table, extra), np.random.default_rng(0)
    drawn = [sampler.draw(rng).source for _ in range(4000)]
    assert drawn.count("covid_ct") / 4000 == pytest.approx(table.self_training * (1 - table.views.filled), abs=0.02)
    plain = recipe.load("short").segmenter
    assert not plain.self_training
    with_extra, alone = (SegmenterSampler(slices, 1, plain, given) for given in (extra, []))
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    for _ in range(50):
        assert with_extra.draw(one) is alone.draw(other) or one.bit_generator.state == other.bit_generator.state

import numpy as np
import pytest

from hand_made import chest
from jcs.deletion import PART, deletions, highest, patches, with_lung


def test_lesions_replaced_by_lung_are_lung():
    item, rng = chest(1, True), np.random.default_rng(0)
    without = with_lung(item, item.lesion, rng)
    inside = without.hu[item.lesion]
    assert inside.mean() == pytest.approx(-850, abs=8) and inside.std() == pytest.approx(15, abs=7)
    assert (without.hu[~item.lung & ~item.lesion] == item.hu[~item.lung & ~item.lesion]).all()


def test_the_highest_part_of_a_map_lies_in_the_lungs_where_it_is_highest():
    item = chest(2, True)
    rows = np.broadcast_to(np.arange(96.0)[:, None], (96, 96))
    region = highest(rows, item.lung)
    assert region.sum() == round(PART * item.lung.sum()) and not (region & ~item.lung).any()
    assert np.argwhere(region)[:, 0].min() >= np.argwhere(item.lung & ~region)[:, 0].max()


def test_random_patches_cover_their_part_of_the_lungs():
    item = chest(3, True)
    region = patches(item, np.random.default_rng(0))
    assert PART <= region.sum() / item.lung.sum() < 2 * PART and not (region & ~item.lung).any()


def test_a_score_that_counts_dense_lung_falls_with_the_lesions_alone():
    drops = {"lesions": [], "highest activation": [], "random patches": []}
    for seed in range(8):
        item = chest(seed, True)

        def score(s):
            return float(((s.hu > -600) & s.lung).sum())

        knows = np.where(item.lesion, 1.0, 0.0)
        for name, changed in deletions(item, knows, np.random.default_rng(seed)).items():
            drops[name].append(score(item) - score(changed))
    means = {name: np.mean(values) for name, values in drops.items()}
    assert means["lesions"] > 50 and means["highest activation"] > 0.5 * means["lesions"]
    assert means["random patches"] < 0.35 * means["lesions"]

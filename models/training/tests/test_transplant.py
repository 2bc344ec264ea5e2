import numpy as np
import pytest

from hand_made import chest
from jcs import data
from jcs.lungs import find_lungs
from jcs.transplant import piece, sham, transplanted


def pairs():
    for seed in range(30):
        yield chest(seed, False, "luna"), chest(100 + seed, True), np.random.default_rng(seed)


def test_lesions_come_to_lie_in_the_hosts_lungs_and_nothing_else_changes():
    positives = 0
    for host, donor, rng in pairs():
        item = transplanted(host, donor, rng)
        if item is host:
            continue
        assert item.source == "luna" and item.lesion.any() and not (item.lesion & ~host.lung).any()
        assert (item.hu[~host.lung] == host.hu[~host.lung]).all()
        far = host.lung & ~grown(item.lesion, 12)
        assert (item.hu[far] == host.hu[far]).all()
        assert item.label == data.slice_label("luna", {}, item.lesion)
        positives += item.label == 1
    assert positives > 20


def grown(mask: np.ndarray, by: int) -> np.ndarray:
    result = mask.copy()
    for _ in range(by):
        padded = np.pad(result, 1)
        result = result | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return result


def test_the_mask_is_where_the_lesions_grey_levels_are():
    inside, beside = [], []
    for host, donor, rng in pairs():
        item = transplanted(host, donor, rng)
        if item is not host:
            core = item.lesion & ~grown(~item.lesion, 2)
            inside += item.hu[core].tolist()
            beside += item.hu[host.lung & ~grown(item.lesion, 12)].tolist()
    assert np.mean(inside) == pytest.approx(-350, abs=60) and np.mean(beside) == pytest.approx(-850, abs=20)


def test_sham_transplants_stay_lungs_without_lesions():
    changed = 0
    for host, donor, rng in pairs():
        healthy = chest(200, False)
        item = sham(host, healthy, donor, rng)
        assert item.label == 0 and not item.lesion.any() and item.source == "luna"
        assert (item.hu[~host.lung] == host.hu[~host.lung]).all()
        assert item.hu[host.lung & ~grown(~host.lung, 3)].max() < -600  # nothing but lung was put in
        changed += int((item.hu != host.hu).any())
    assert changed > 20


def test_a_piece_is_a_part_about_one_of_its_pixels():
    mask = np.zeros((90, 90), bool)
    mask[10:80, 10:80] = True
    part = piece(mask, np.random.default_rng(1))
    assert part.any() and not (part & ~mask).any() and part.sum() < 0.3 * mask.sum()


def test_lungs_are_found_with_their_vessels_and_without_the_table():
    item = chest(3, False)
    hu = item.hu.copy()
    hu[46:49, 26:29] = 30  # a vessel
    hu[90:93, 10:86] = 60  # a table, hollow
    hu[91, 12:84] = -900
    found = find_lungs(hu)
    assert (found & item.lung).sum() / (found | item.lung).sum() > 0.93
    assert found[46:49, 26:29].all() and not found[86:].any()
    assert find_lungs(np.full((60, 60), 40, np.int16)) is None and find_lungs(np.full((60, 60), -1000, np.int16)) is None

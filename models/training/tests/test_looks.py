import dataclasses

import numpy as np
import pytest

from hand_made import chest
from jcs import looks
from jcs.looks import Look, common, redrawn


def test_a_look_has_its_pixels_window_and_margin():
    item = chest(1, True)
    look = Look(frame=item.frame[2] / 2, window=(-1000.0, 0.0), quality=None, cropped=False)
    seen = redrawn(item, look)
    assert seen.hu.shape == (48, 48) and seen.frame[2] == pytest.approx(look.frame, abs=2)
    assert seen.hu.min() >= -1000 and seen.hu.max() == 0
    assert seen.label == item.label and seen.lesion.mean() == pytest.approx(item.lesion.mean(), rel=0.25)
    cropped = redrawn(item, dataclasses.replace(look, cropped=True))
    assert cropped.hu.shape[1] == pytest.approx(1.04 * look.frame, abs=1)


def test_detail_is_never_found():
    item = chest(2, True)
    assert redrawn(item, Look(5000.0, (-1350.0, 150.0), None, False)).hu.shape == item.hu.shape


def test_the_lesion_is_where_it_was():
    item = chest(3, True)
    item.hu[item.lesion] = 100
    seen = redrawn(item, Look(item.frame[2], (-1350.0, 150.0), 90, True))
    assert seen.hu[seen.lesion].mean() > 0 and np.median(seen.hu[~seen.lesion & (seen.hu < -500)]) == pytest.approx(-850, abs=30)


def test_what_is_common_to_two_looks_is_the_poorer_of_both():
    one, other = Look(300, (-1024.0, 1500.0), 90, True), Look(135, (-1200.0, 0.0), 95, False)
    assert common(one, other) == common(other, one) == Look(135, (-1024.0, 0.0), 90, True)
    assert common(Look(1, (0.0, 1.0), None, False), Look(1, (0.0, 1.0), None, False)).quality is None


def test_two_sets_in_their_common_look_cannot_be_told_by_range_or_size():
    fine, coarse = chest(4, False), redrawn(chest(5, False, "pneu"), Look(36, (-1200.0, 0.0), 95, False))
    found = [looks.look_of(source, [dataclasses.replace(s, source=source)]) for source, s in (("pneu", coarse), ("luna", fine))]
    both = [redrawn(item, common(*found)) for item in (fine, coarse)]
    assert abs(both[0].frame[2] - both[1].frame[2]) < 4
    assert both[0].hu.max() == both[1].hu.max() == 0 and both[0].hu.min() >= -1000

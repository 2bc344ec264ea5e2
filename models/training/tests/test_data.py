import numpy as np
import torch

from jcs import augment, data
from jcs.prepare import mask_to_cells, prepare


def a_slice(source: str = "seg20", lesion: bool = True) -> data.Slice:
    hu = np.full((60, 100), 40, np.int16)
    hu[10:50, 10:45] = hu[10:50, 55:90] = -850
    mask = np.zeros(hu.shape, bool)
    mask[20:30, 15:25] = lesion
    return data.Slice(source, "a", "p", "train", int(lesion), hu, mask, hu < -500, data.frame_of(hu))


def test_hu_of_each_kind_of_set():
    assert data.relation("ctmd", {}) == (6 * 255, -1024)
    assert data.relation("covid_ct", {}) == (1500, -1350)
    assert data.relation("seg20", {"hu_slope": "13.363", "hu_intercept": "-1024"}) == (255 * 13.363, -1024)


def test_small_lesions_are_no_label():
    lesion = np.zeros((100, 100), bool)
    assert data.slice_label("seg20", {}, lesion) == 0
    lesion[0, :10] = True
    assert data.slice_label("seg20", {}, lesion) is None
    lesion[:2, :20] = True
    assert data.slice_label("seg20", {}, lesion) == 1


def test_cache_gives_back_what_was_written(tmp_path):
    item = a_slice()
    bare = data.Slice("covid_ct", "b", "q", "val", None, item.hu, None, None, (0.0, 1.0, 2.5, 3.0))
    data.write_cache(tmp_path / "c.npz", [item, bare])
    first, second = data.read_cache(tmp_path / "c.npz")
    assert (first.source, first.label, first.frame) == (item.source, item.label, item.frame)
    assert (first.hu == item.hu).all() and (first.lesion == item.lesion).all() and (first.lung == item.lung).all()
    assert second.frame == bare.frame and second.lesion is None and second.lung is None and second.label is None


def test_filled_lungs_hold_no_lesion_and_no_air():
    filled = data.with_lungs_filled(a_slice(), np.random.default_rng(0))
    assert filled.label == 0 and not filled.lesion.any()
    assert filled.hu.min() > -200
    assert filled.frame == (0.0, 0.0, 100.0, 60.0)  # no lungs: the body, which fills the slice


def test_sample_repeats_with_its_seed_and_keeps_its_shape():
    views = [augment.sample(a_slice(), 64, np.random.default_rng(3)) for _ in range(2)]
    assert torch.equal(views[0][0], views[1][0]) and torch.equal(views[0][1], views[1][1])
    hu, lesion = views[0]
    assert hu.shape == lesion.shape == (1, 64, 64)
    assert 0 <= lesion.min() and lesion.max() <= 1


def test_samples_of_every_source_have_their_lesion_at_the_right_place():
    for source in augment.GREY_ERROR:
        item = a_slice(source)
        item.hu[item.lesion] = 3000  # marks the lesion
        seen = 0
        for seed in range(20):
            hu, lesion = augment.sample(item, 96, np.random.default_rng(seed))
            if lesion.sum() > 30:
                inside, outside = hu[lesion > 0.9], hu[(lesion == 0) & (hu < -600)]
                assert inside.mean() > outside.mean() + 400
                seen += 1
        assert seen > 10


def test_plain_view_is_the_frame_of_the_slice():
    item = a_slice()
    hu, lesion = augment.plain(item, 100)
    left, top, width, height = item.frame
    assert hu.shape == lesion.shape == (1, 100, 100)
    # The lesion's 100 pixels, enlarged to the view.
    assert abs(float(lesion.sum()) - 100 * 100 * 100 / (width * height)) < 15
    assert float(hu.min()) < -840 and float(hu.max()) <= 150


def test_prepare_clips_to_the_window():
    prepared = prepare(torch.tensor([-3024.0, -1350.0, -600.0, 150.0, 3000.0]).view(1, 1, 1, 5))
    assert prepared.shape == (1, 3, 1, 5)
    assert torch.allclose(prepared[0, 0, 0], torch.tensor([-2.0, -2.0, 0.0, 2.0, 2.0]))


def test_cells_hold_the_covered_share():
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :32, :16] = 1
    assert torch.equal(mask_to_cells(mask, (2, 2)), torch.tensor([[[[0.5, 0.0], [0.0, 0.0]]]]))

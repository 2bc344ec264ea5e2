import numpy as np
import pytest
import torch
from PIL import Image

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
    bare = data.Slice("covid_ct", "b", "q", "val", None, item.hu[:50], None, None, (0.0, 1.0, 2.5, 3.0))
    data.write_cache(tmp_path / "c", [item, bare, item])
    data.write_cache(tmp_path / "c", [item, bare, item])  # a run beside it wrote the same
    first, second, third = data.read_cache(tmp_path / "c")
    for found in (first, third):
        assert (found.source, found.label, found.frame) == (item.source, item.label, item.frame)
        assert (found.hu == item.hu).all() and (found.lesion == item.lesion).all() and (found.lung == item.lung).all()
    assert (second.hu == bare.hu).all() and second.frame == bare.frame
    assert second.lesion is None and second.lung is None and second.label is None
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def small_sets(folder, grey: int = 90):
    """The training sets with one slice each, as their folders hold them."""
    for source in data.SETS:
        (folder / source).mkdir(parents=True)
        Image.fromarray(np.full((40, 50), grey, np.uint8)).save(folder / source / "a.png")
        header = "file,mask,lung_mask,patient,split,label,covid_label,diagnosis,finding,hu_slope,hu_intercept"
        masked = source in ("seg20", "seg20rp", "ct100")
        header += ",lesion" if masked else ""
        row = "a.png,,,p,train,0,0,covid,no emphysema,5,-1000" + (",0" if masked else "")
        (folder / source / "index.csv").write_text(f"{header}\n{row}\n")
    return folder


def test_cache_is_of_the_datas_content(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one, other = small_sets(tmp_path / "one"), small_sets(tmp_path / "other", grey=91)
    same = small_sets(tmp_path / "same")
    assert data.content_key(one) == data.content_key(same) != data.content_key(other)
    data.load.cache_clear()
    assert data.load(one)[0].hu[0, 0] != data.load(other)[0].hu[0, 0]
    assert len(list((tmp_path / "cache" / "jcsnode" / "training").iterdir())) == 2
    (one / "tcga" / "a.png").unlink()
    assert data.content_key(one) != data.content_key(same)
    data.load.cache_clear()


def test_a_folder_without_a_set_is_named(tmp_path):
    small_sets(tmp_path)
    (tmp_path / "luna" / "index.csv").unlink()
    with pytest.raises(FileNotFoundError, match="lacks luna.*JCS_DATA"):
        data.load(tmp_path)


@pytest.mark.parametrize(
    ("source", "row", "free"),
    [
        ("luna", {}, True),
        ("emph", {"finding": "no emphysema"}, True),
        ("emph", {"finding": "emphysema, centriacinar"}, False),
        ("pneu", {"finding": "pneumonia, not COVID-19; adult"}, False),
        ("iqoth", {"finding": "no cancer"}, False),
        ("ctmd", {"diagnosis": "covid"}, True),
        ("ctmd", {"diagnosis": "cap"}, False),
    ],
)
def test_which_slices_a_segmenter_may_take_as_free_of_lesions(source, row, free):
    assert data.without_lesions(source, row, 0) == free


def test_filled_lungs_hold_no_lesion_and_no_air():
    filled = data.with_lungs_filled(a_slice(), np.random.default_rng(0))
    assert filled.label == 0 and not filled.lesion.any()
    assert filled.hu.min() > -200
    assert filled.frame == (0.0, 0.0, 100.0, 60.0)  # no lungs: the body, which fills the slice


def test_sample_repeats_with_its_seed_and_keeps_its_shape():
    views = [augment.sample(a_slice(), 64, np.random.default_rng(3), simulated=True) for _ in range(2)]
    assert torch.equal(views[0][0], views[1][0]) and torch.equal(views[0][1], views[1][1])
    hu, lesion = views[0]
    assert hu.shape == lesion.shape == (1, 64, 64)
    assert 0 <= lesion.min() and lesion.max() <= 1


def test_samples_have_their_lesion_at_the_right_place():
    item = a_slice()
    item.hu[item.lesion] = 3000  # marks the lesion
    seen = 0
    for seed in range(60):
        hu, lesion = augment.sample(item, 96, np.random.default_rng(seed), simulated=True)
        if (lesion > 0.9).sum() > 30:
            inside, outside = hu[lesion > 0.9], hu[(lesion == 0) & (hu < -600)]
            assert inside.mean() > outside.mean() + 400
            seen += 1
    assert seen > 35


def test_a_view_without_the_simulated_scanner_is_only_moved():
    item = a_slice()
    hu, _ = augment.sample(item, 96, np.random.default_rng(5), simulated=False)
    levels = hu[(hu > -849) & (hu < 39)]
    assert hu.min() >= -1024.01 and hu.max() < 40.01 and levels.numel() < 0.1 * hu.numel()  # tissue, lung, and edges between


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

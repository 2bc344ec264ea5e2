import numpy as np
import pytest

from jcs import data, measure


def a_slice(
    label: int | None = 1, lesion: tuple[slice, slice] | None = None, source: str = "seg20", patient: str = "p", size: int = 40
) -> data.Slice:
    hu, mask = np.zeros((size, size), np.int16), np.zeros((size, size), bool)
    if lesion:
        mask[lesion] = True
    return data.Slice(source, "f", patient, "val", label, hu, mask, None, (0.0, 0.0, float(size), float(size)))


CORNER = (slice(0, 10), slice(0, 10))


def test_classification_rows():
    slices = [a_slice(1, patient="a"), a_slice(0, patient="b"), a_slice(None, patient="c"), a_slice(1, source="ct100", patient="x")]
    score = np.array([0.9, 0.5, 0.7, 0.2])
    both, figures = measure.classifications(
        {"seg20": lambda s: s.source == "seg20", "ct100": lambda s: s.source == "ct100"}, slices, score, 0.5
    )
    assert (both["slices"], both["positives"], both["patients"], both["auc"], both["drawn"]) == (2, 1, 2, 1.0, "slice")
    assert both["sensitivity"] == [1, 1] and both["specificity"] == [0, 1]  # 0.5 is at the operating point
    # One class only: no area; nobody knows the patients of ct100.
    assert (figures["auc"], figures["patients"], figures["sensitivity"], figures["specificity"]) == (None, 0, [0, 1], [0, 0])


def test_the_interval_is_drawn_by_patient_where_there_are_enough():
    slices = [a_slice(i % 2, patient=str(i // 4)) for i in range(48)]
    score = np.random.default_rng(0).random(48)
    assert measure.classifications({"all": lambda s: True}, slices, score, 0.5)[0]["drawn"] == "patient"


def volume(name: str, covid: bool, positions: np.ndarray | None) -> measure.Volume:
    return measure.Volume(name, covid, [], positions)


def test_patients_by_slices_and_by_length():
    sick, well, unknown = (
        volume("sick", True, 5.0 * np.arange(20)),
        volume("well", False, 1.0 * np.arange(20)),
        volume("unknown", True, None),
    )
    positives = [np.arange(20) < 8, np.arange(20) < 17, np.arange(20) < 18]
    assert measure.patient(sick, positives[0]) == {
        "name": "sick", "covid": True, "slices": 20, "positive_slices": 8, "step_mm": 5.0, "positive_mm": 40.0,
    }  # fmt: skip
    assert measure.patient(unknown, positives[2])["positive_mm"] is None
    table = measure.patient_thresholds([sick, well, unknown], positives, (15, 25))
    assert [(r["sensitivity"], r["specificity"]) for r in table["slices"]] == [([1, 2], [0, 1]), ([0, 2], [1, 1])]
    assert [(r["sensitivity"], r["specificity"]) for r in table["mm"]] == [([1, 1], [0, 1]), ([1, 1], [1, 1])]


def test_overlap_over_slices_and_as_one_volume():
    large, small, empty = a_slice(lesion=CORNER), a_slice(lesion=(slice(0, 2), slice(0, 5))), a_slice()
    half = np.zeros((40, 40), bool)
    half[:5, :10] = True  # half of the large lesion, all of the small one and 40 more
    judged = [measure.judge(s, half) for s in (large, small, empty)]
    assert [j["dice"] for j in judged] == pytest.approx([2 * 50 / 150, 2 * 10 / 60, 0])
    row = measure.overlap("seg20", judged)
    assert (row["slices"], row["with_lesion"]) == (3, 2)
    assert row["dice"] == pytest.approx((2 * 50 / 150 + 2 * 10 / 60) / 2)
    # 110 drawn, 150 marked, 60 in both: the empty slice counts.
    assert row["volume_dice"] == pytest.approx(2 * 60 / 260) and row["volume_iou"] == pytest.approx(60 / 200)


def test_each_set_counts_once_in_the_mean():
    judged = [measure.judge(s, s.lesion) for s in (a_slice(lesion=CORNER), a_slice(lesion=CORNER))]
    judged.append(measure.judge(a_slice(lesion=CORNER, source="ct100"), np.zeros((40, 40), bool)))
    found = measure.overlaps(judged)
    assert [(r["name"], r["dice"], r["patients"]) for r in found["by_set"]] == [
        ("ct100", 0, 0),
        ("seg20", 1, 1),
        ("mean of the sets", 0.5, 1),
    ]
    assert [r["name"] for r in found["by_patient"]] == ["ct100 (patients unknown)", "p"]


def test_a_set_without_lesions_is_not_in_the_mean():
    judged = [measure.judge(s, s.lesion) for s in (a_slice(lesion=CORNER), a_slice(source="seg20rp"))]
    assert [(r["name"], r["dice"]) for r in measure.overlaps(judged)["by_set"]] == [
        ("seg20", 1),
        ("seg20rp", None),
        ("mean of the sets", 1),
    ]
    assert measure.overlaps(judged[1:])["by_set"][-1]["dice"] is None


def test_false_marks():
    row = measure.false_marks("n", [0, 1, 100, 0], [10_000] * 4)
    assert row["any"] == [2, 4] and row["noticeable"] == [1, 4]
    assert row["mean_share"] == pytest.approx(101 / 40_000)


def test_spread_over_area_and_number():
    two = a_slice(lesion=(slice(0, 2), slice(0, 2)))
    two.lesion[20:28, 20:28] = True
    judged = [
        measure.judge(two, two.lesion),
        measure.judge(a_slice(lesion=CORNER), np.zeros((40, 40), bool)),
        measure.judge(a_slice(), np.zeros((40, 40), bool)),
    ]
    found = measure.spreads(judged)
    assert (found["all"][0]["slices"], found["all"][0]["good"], found["all"][0]["failed"]) == (2, [1, 2], [1, 2])
    # 68 and 100 of 1600 pixels: 4.25 and 6.25 %.
    assert {r["name"]: r["slices"] for r in found["by_area"]} == {
        "0 to 1 %": 0,
        "1 to 3 %": 0,
        "3 to 10 %": 2,
        "10 to 20 %": 0,
        "over 20 %": 0,
    }
    assert {r["name"]: r["good"] for r in found["by_regions"]} == {
        "1": [0, 1], "2": [1, 1], "3 to 4": [0, 0], "5 to 8": [0, 0], "9 or more": [0, 0],
    }  # fmt: skip


def spot(row: int, column: int) -> np.ndarray:
    """A map of 4 x 4 cells, each 10 pixels of a slice of 40, that lights up in one."""
    activation = np.zeros((4, 4), np.float32)
    activation[row, column] = 1
    return activation


def test_pointing_at_the_lesion():
    found = measure.pointing(a_slice(lesion=CORNER), spot(0, 0))
    assert found["hit"] and found["near_hit"]
    # Each axis: 1 at the 5 pixels up to the first centre, then 0.95 to 0.55 within the lesion and 0.45 to 0.05 outside.
    assert found["energy"] == pytest.approx((8.75 / 10) ** 2)
    assert found["chance_hit"] == pytest.approx(1 / 16)


def test_pointing_beside_and_far_from_the_lesion():
    # Cell (1, 0) has its centre at row 15: within 15 pixels of the lesion's last row, 9.
    beside, far = measure.pointing(a_slice(lesion=CORNER), spot(1, 0)), measure.pointing(a_slice(lesion=CORNER), spot(3, 3))
    assert (beside["hit"], beside["near_hit"]) == (False, True)
    assert (far["hit"], far["near_hit"], far["energy"]) == (False, False, 0)
    # Of 32 x 32 points in 40 x 40 pixels, those up to 15 pixels away.
    assert far["chance_hit"] < far["chance_near"] < 0.5


def test_the_tolerance_is_of_a_512_slice():
    lesion = (slice(0, 10), slice(0, 40))
    # The maximum lies at row 23 or 24, 14 or 15 pixels below the lesion; a pixel of seg20rp is 4/3 of one of 512 x 512.
    column = np.zeros((40, 1), np.float32)
    column[23] = 1
    assert measure.pointing(a_slice(lesion=lesion), column)["near_hit"]
    assert not measure.pointing(a_slice(lesion=lesion, source="seg20rp"), column)["near_hit"]


def test_a_map_of_zeros_points_nowhere():
    found = measure.pointing(a_slice(lesion=(slice(30, 40), slice(30, 40))), np.zeros((4, 4), np.float32))
    assert (found["hit"], found["energy"]) == (False, 0)


def test_energy_in_the_lungs():
    item = a_slice(lesion=CORNER)
    lung = np.zeros((40, 40), bool)
    lung[:, :10] = True
    found = measure.pointing(data.dataclasses.replace(item, lung=lung), np.ones((4, 4), np.float32))
    assert found["energy"] == pytest.approx(1 / 16) and found["lung_energy"] == pytest.approx(1 / 4) == found["lung_chance"]


def test_what_near_loses_and_saves():
    positive = np.array([False, False, True, False, False, False])
    row = measure.near_cost("v", positive, 5.0 * np.arange(6), np.array([0, 10, 70, 10, 5, 5]), "known")
    assert (row["segmented"], row["slices"], row["lesion_voxels"], row["lost"]) == (5, 6, 100, 0.05)

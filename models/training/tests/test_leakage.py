import dataclasses

import numpy as np
import pytest

from jcs import data, leakage


def a_slice(number: int, split: str, source: str = "seg20", patient: str | None = None) -> data.Slice:
    hu = np.random.default_rng(number).integers(-1000, 100, (40, 40)).astype(np.int16)
    lesion = np.zeros(hu.shape, bool)
    lesion[:9, :9] = number % 2
    return data.Slice(
        source, f"{source}{number}.png", patient or f"{split}{number}", split, number % 2, hu, lesion, None, (0.0, 0.0, 40.0, 40.0)
    )


@pytest.fixture
def clean():
    return [a_slice(i, ("train", "train", "val")[i % 3]) for i in range(12)]


@pytest.fixture
def studies():
    return [a_slice(i, "study", "lidc_0003", "lidc_0003") for i in range(20, 23)]


def test_clean_sets_pass_and_are_counted(clean, studies):
    assert leakage.check(clean, studies) == {"slices": 12, "patients": 12, "slices_drawn_by_training": 8, "study_slices": 3}


def test_a_patient_in_two_splits_fails(clean, studies):
    clean[2] = dataclasses.replace(clean[2], patient=clean[0].patient)
    with pytest.raises(leakage.LeakError, match="patients in more than one split.*train0"):
        leakage.check(clean, studies)


def test_a_file_in_two_splits_fails(clean, studies):
    clean[2] = dataclasses.replace(clean[2], file=clean[0].file)
    with pytest.raises(leakage.LeakError, match="files in more than one split"):
        leakage.check(clean, studies)


def test_equal_pixels_under_another_name_fail(clean, studies):
    clean[2] = dataclasses.replace(clean[2], hu=clean[0].hu)
    with pytest.raises(leakage.LeakError, match="equal pixels"):
        leakage.check(clean, studies)


def test_a_study_slice_in_the_training_sets_fails(clean, studies):
    clean[0] = dataclasses.replace(clean[0], hu=studies[0].hu)
    with pytest.raises(leakage.LeakError, match="equal pixels"):
        leakage.check(clean, studies)


@pytest.mark.parametrize("name", ["P001", "lidc_0003"])
def test_a_patient_of_the_studies_in_the_training_sets_fails(clean, studies, name):
    clean[0] = dataclasses.replace(clean[0], patient=name)
    with pytest.raises(leakage.LeakError, match="patients of the test studies"):
        leakage.check(clean, studies)


def test_a_sampler_that_draws_from_the_test_split_fails(clean, studies, monkeypatch):
    clean.append(a_slice(13, "test", "covid_ct"))
    assert leakage.check(clean, studies)["slices_drawn_by_training"] == 8
    honest = leakage.sampling.ClassifierSampler

    class Greedy(honest):
        def __init__(self, slices, seed, table):
            super().__init__(slices, seed, table)
            self.pools["covid_ct", 1] = [s for s in slices if s.source == "covid_ct"]

    monkeypatch.setattr(leakage.sampling, "ClassifierSampler", Greedy)
    with pytest.raises(leakage.LeakError, match="training draws slices of other splits.*covid_ct13"):
        leakage.check(clean, studies)


def test_near_duplicates_are_listed(clean, studies):
    assert leakage.near_duplicates(clean, studies)["pairs"] == []
    noisy = clean[0].hu + np.random.default_rng(5).integers(-30, 30, clean[0].hu.shape)
    clean[2] = dataclasses.replace(clean[2], hu=noisy.astype(np.int16))
    found = leakage.near_duplicates(clean, studies)
    assert [(p["judged"], p["trained_on"]) for p in found["pairs"]] == [("seg20/seg202.png (val)", "seg20/seg200.png")]
    assert found["most_alike"] == found["pairs"][0] and found["compared"] == [7, 8]


def test_a_patient_under_two_names_is_neither_trained_nor_judged_on(clean, studies):
    repeated = [dataclasses.replace(clean[2], patient="again", split="val"), dataclasses.replace(clean[0], patient="again", split="val")]
    found = data.without_repeats([*clean, *repeated])
    assert [s.split for s in found[-2:]] == [data.REPEAT] * 2 and [s.split for s in found[:-2]] == [s.split for s in clean]
    assert leakage.check(found, studies)["slices"] == len(clean)
    with pytest.raises(leakage.LeakError, match="equal pixels"):
        leakage.check([*clean, *repeated], studies)

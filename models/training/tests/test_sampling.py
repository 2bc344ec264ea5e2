from collections import Counter

import numpy as np
import pytest
import torch

from hand_made import chest
from jcs import data, recipe
from jcs.sampling import ClassifierSampler, SegmenterSampler, partners
from jcs.schedule import Stage


@pytest.fixture(scope="module")
def slices() -> list[data.Slice]:
    """All sets; ct100 is positive but for one slice, the others' labels as they are."""
    found = []
    for k, source in enumerate(data.SETS):
        for i in range(12):
            lesion = source not in data.OTHER_LUNGS and (i % 2 == 0 if source != "ct100" else i > 0)
            found.append(chest(100 * k + i, lesion, source, split="train" if i < 10 else "val"))
    return found


@pytest.fixture(scope="module")
def tables() -> recipe.Recipe:
    return recipe.load("shipped")


def test_labels_are_even_and_a_set_of_both_has_both_alike(slices, tables):
    sampler, rng = ClassifierSampler(slices, 1, tables.classifier), np.random.default_rng(0)
    drawn = Counter((item.source, item.label) for item in (sampler.draw(rng) for _ in range(6000)))
    total = sum(drawn.values())
    positives = sum(n for (_, label), n in drawn.items() if label == 1)
    filled = tables.classifier.views.filled
    assert positives / total == pytest.approx(0.5 * (1 - filled), abs=0.02)
    for source in ("seg20", "covid_ct", "luna"):
        # Labels weigh by all sets that have them, so not quite one to one.
        assert drawn[source, 1] / drawn[source, 0] == pytest.approx(1.2, abs=0.25)
    for source in ("pneu", "iqoth", "tcga"):
        assert drawn[source, 1] == 0
    assert drawn["ct100", 0] < 0.01 * total  # its single clear slice, now and then with lungs filled


def test_a_set_of_one_label_alone_can_be_drawn(tables):
    only = [chest(i, False, "pneu") for i in range(6)]
    sampler = ClassifierSampler(only, 1, tables.classifier)
    assert sampler.draw(np.random.default_rng(0)).source == "pneu"


def test_nothing_but_the_training_split_is_drawn(slices, tables):
    samplers = [
        ClassifierSampler(slices, 1, tables.classifier),
        ClassifierSampler(slices, 1, tables.pretrain),
        SegmenterSampler(slices, 1, tables.segmenter),
    ]
    for sampler in samplers:
        assert {item.split for item in sampler.drawn()} == {"train"}


def test_a_set_left_out_gives_neither_slices_nor_lesions_nor_lungs(slices, tables):
    sampler = ClassifierSampler(slices, 1, tables.classifier, without=["seg20", "luna"])
    assert not {"seg20", "luna"} & {item.source for item in sampler.drawn()}


def test_a_segmenter_never_takes_other_pneumonia_as_free_of_lesions(slices, tables):
    sampler, rng = SegmenterSampler(slices, 1, tables.segmenter), np.random.default_rng(0)
    drawn = [sampler.draw(rng) for _ in range(1500)]
    assert {item.source for item in drawn} <= {"seg20", "seg20rp", "ct100", "ctmd", "luna", "emph"}
    luna = [bool(item.lesion.any()) for item in drawn if item.source == "luna"]
    assert 0.2 < np.mean(luna) < 0.5  # transplants


def test_partners_are_of_another_set_and_label():
    rng = np.random.default_rng(0)
    sources, labels = ["a", "a", "b", "b", "c"], [0, 1, 0, 1, 0]
    for _ in range(20):
        chosen = partners(sources, labels, rng)
        assert all(sources[i] != sources[k] and labels[i] != labels[k] for i, k in enumerate(chosen))
    assert partners(["a", "a", "b"], [1, 1, 1], rng).tolist()[:2] == [2, 2]  # no other label: another set
    assert set(partners(["a", "a"], [0, 1], rng)) <= {0, 1}  # one set alone: any


def test_batches_depend_on_seed_and_iteration_alone(slices, tables):
    stage = Stage(0.0, 64, 6)
    first, same, other = (ClassifierSampler(slices, seed, tables.classifier) for seed in (1, 1, 2))
    batch = first.batch(7, stage)
    assert all(torch.equal(a, b) for a, b in zip(batch, same.batch(7, stage)))
    assert not torch.equal(batch[0], other.batch(7, stage)[0]) and not torch.equal(batch[0], first.batch(8, stage)[0])


def test_mixed_batches_mix_images_labels_and_cells_alike(slices, tables):
    sampler = ClassifierSampler(slices, 3, tables.classifier)
    batches = [sampler.batch(i, Stage(0.0, 64, 4)) for i in range(12)]
    shares = {float(v) for _, labels, _, _ in batches for v in labels}
    assert shares & {0.0, 1.0} and any(0 < v < 1 for v in shares)
    for _, labels, cells, known in batches:
        assert cells.max() <= 1 and (cells.flatten(1).sum(1)[(labels == 0) & (known > 0)] == 0).all()

"""Short runs of the real trainers' parts."""

import numpy as np
import torch

from jcs import augment, data, pretrain_classifier, train_classifier
from jcs.losses import deep_supervision, mixed_label_loss
from jcs.metrics import dice
from jcs.networks.res2net import Res2Net
from jcs.networks.segmenter import Segmenter
from jcs.prepare import prepare
from jcs.schedule import Stage


def chest(number: int, lesion: bool, source: str = "seg20") -> data.Slice:
    """A slice with two lungs, and in one of them a round lesion somewhere."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:96, :96]
    hu = np.full((96, 96), -1000)
    hu[((x - 48) / 44) ** 2 + ((y - 48) / 34) ** 2 < 1] = 40
    lungs = (((x - 30) / 13) ** 2 + ((y - 48) / 22) ** 2 < 1) | (((x - 66) / 13) ** 2 + ((y - 48) / 22) ** 2 < 1)
    hu[lungs] = -850
    hu = hu + rng.normal(0, 15, hu.shape)
    mask = (x - rng.choice((30, 66))) ** 2 + (y - rng.integers(38, 58)) ** 2 < rng.integers(5, 8) ** 2 if lesion else np.zeros(hu.shape, bool)
    hu[mask] = rng.normal(-350, 60, int(mask.sum()))
    hu = hu.astype(np.int16)
    return data.Slice(source, str(number), str(number), "train", int(lesion), hu, mask, lungs, data.frame_of(hu))


def test_segmenter_overfits_eight_slices():
    torch.manual_seed(0)
    slices = [chest(i, True) for i in range(8)]
    views = [augment.plain(item, 64) for item in slices]
    images, truth = prepare(torch.stack([hu for hu, _ in views])), torch.stack([lesion for _, lesion in views])
    network = Segmenter(normalise=True).train()
    optimiser = torch.optim.Adam(network.parameters(), 5e-4)
    for _ in range(24):
        optimiser.zero_grad()
        deep_supervision(network(images), truth).backward()
        optimiser.step()
    with torch.no_grad():
        mask = network(images)[0] > 0
    assert np.mean([dice(m.numpy(), t.numpy() > 0.5) for m, t in zip(mask, truth)]) > 0.85


def test_classifier_overfits_eight_slices():
    torch.manual_seed(0)
    slices = [chest(i, i % 2 == 0) for i in range(8)]
    images = prepare(torch.stack([augment.plain(item, 64)[0] for item in slices]))
    labels = torch.tensor([float(item.label) for item in slices])
    network = Res2Net().train()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    for _ in range(24):
        optimiser.zero_grad()
        loss = mixed_label_loss(network(images), labels)
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        assert (network(images).argmax(1) == labels).all()


def test_batches_depend_on_seed_and_iteration_alone():
    slices = [chest(i, i % 2 == 0) for i in range(8)]
    stage = Stage(0.0, 64, 4)
    samplers = [train_classifier.Sampler(slices, seed, {"seg20": 1.0}) for seed in (1, 1, 2)]
    first, same, other = (s.batch(7, stage) for s in samplers)
    assert all(torch.equal(a, b) for a, b in zip(first, same))
    assert not torch.equal(first[0], other[0]) and not torch.equal(first[0], samplers[0].batch(8, stage)[0])


def test_mixed_batches_mix_images_and_labels_alike():
    slices = [chest(i, i % 2 == 0) for i in range(8)]
    sampler = train_classifier.Sampler(slices, 3, {"seg20": 1.0})
    shares = {float(v) for i in range(12) for v in sampler.batch(i, Stage(0.0, 32, 4))[1]}
    assert shares & {0.0, 1.0} and any(0 < v < 1 for v in shares)


def test_lesson_counts_masks_only_where_they_are_known():
    torch.manual_seed(0)
    network = pretrain_classifier.Pyramid(Res2Net())
    sides, pupils = network(torch.randn(2, 3, 64, 64))
    assert [tuple(s.shape[1:]) for s in sides] == [(1, 16, 16), (1, 8, 8), (1, 4, 4), (1, 2, 2)]
    assert [tuple(p.shape[1:]) for p in pupils] == [(512, 8, 8), (512, 4, 4), (512, 2, 2)]
    truth, taught = torch.zeros(2, 1, 64, 64), [p.detach() + 2 for p in pupils]
    truth[1] = 1
    first, features = pretrain_classifier.lesson(sides, pupils, truth, torch.tensor([True, False]), taught)
    alone, _ = pretrain_classifier.lesson([s[:1] for s in sides], pupils, truth[:1], torch.tensor([True]), taught)
    assert torch.allclose(first, alone) and abs(float(features) - 12) < 1e-3
    nothing, _ = pretrain_classifier.lesson(sides, pupils, truth, torch.tensor([False, False]), taught)
    assert float(nothing) == 0

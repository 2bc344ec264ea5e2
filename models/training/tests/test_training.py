"""Short runs of the real trainers' parts."""

import numpy as np
import torch

from hand_made import chest
from jcs import augment, pretrain_classifier
from jcs.losses import deep_supervision, mixed_label_loss
from jcs.metrics import dice
from jcs.networks.res2net import Res2Net
from jcs.networks.segmenter import Segmenter
from jcs.prepare import prepare


def test_segmenter_overfits_two_slices():
    torch.manual_seed(0)
    slices = [chest(i, True) for i in range(2)]
    views = [augment.plain(item, 64) for item in slices]
    images, truth = prepare(torch.stack([hu for hu, _ in views])), torch.stack([lesion for _, lesion in views])
    network = Segmenter(normalise=True).train()
    optimiser = torch.optim.Adam(network.parameters(), 5e-4)
    for _ in range(14):
        optimiser.zero_grad()
        deep_supervision(network(images), truth).backward()
        optimiser.step()
    with torch.no_grad():
        mask = network(images)[0] > 0
    assert np.mean([dice(m.numpy(), t.numpy() > 0.5) for m, t in zip(mask, truth)]) > 0.85


def test_classifier_overfits_eight_slices(shallow_trunk):
    torch.manual_seed(0)
    slices = [chest(i, i % 2 == 0) for i in range(8)]
    images = prepare(torch.stack([augment.plain(item, 64)[0] for item in slices]))
    labels = torch.tensor([float(item.label) for item in slices])
    network = Res2Net().train()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    for _ in range(14):
        optimiser.zero_grad()
        loss = mixed_label_loss(network(images), labels)
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        assert (network(images).argmax(1) == labels).all()


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

"""The last layer, fitted again."""

import pytest
import torch

from hand_made import chest
from jcs import recipe, refit_classifier
from jcs.losses import pointing_loss
from jcs.networks.res2net import Res2Net
from jcs.refit_classifier import Cells
from jcs.sampling import ClassifierSampler

NO_CELLS = Cells(torch.zeros(0, 6, 2, 2), torch.zeros(0, 2, 2))


def separable() -> tuple[torch.Tensor, torch.Tensor]:
    """Features 2 and 4 tell the label, alike."""
    torch.manual_seed(1)
    features, label = torch.rand(200, 6), (torch.arange(200) % 2).float()
    features[:, 2] += label
    features[:, 4] += label
    return features, label


def test_fit_finds_the_features_that_tell():
    features, label = separable()
    found, bias = refit_classifier.fit(features, label, (torch.zeros(6), torch.zeros(())), 0.01, NO_CELLS, 0.0)
    assert set(found.abs().topk(2).indices.tolist()) == {2, 4}
    assert ((features @ found + bias > 0) == (label > 0)).float().mean() > 0.95


def test_of_features_that_tell_alike_the_one_in_the_lesions_is_taken():
    features, label = separable()
    cells = torch.rand(30, 6, 2, 2) * 0.1
    share = torch.zeros(30, 2, 2)
    share[:, 0, 0] = 0.5
    cells[:, 2, 0, 0] += 4  # where the lesion is
    cells[:, 4, 1, 1] += 4  # elsewhere
    lesions = Cells(cells, share)
    start = (torch.zeros(6), torch.zeros(()))
    alone, _ = refit_classifier.fit(features, label, start, 0.01, lesions, 0.0)
    pointed, bias = refit_classifier.fit(features, label, start, 0.01, lesions, 0.3)
    known = torch.ones(30)
    outside, inside = (float(pointing_loss(lesions.evidence(w), share, known)) for w in (alone, pointed))
    assert outside > 0.2 and inside < 0.05 * outside  # -log of the part of the evidence in the lesion
    assert lesions.auc(pointed) >= lesions.auc(alone)
    assert ((features @ pointed + bias > 0) == (label > 0)).float().mean() > 0.9


def test_decay_holds_the_layer_where_it_started():
    features, label = separable()
    start = (torch.linspace(-1, 1, 6), torch.tensor(0.25))
    held, _ = refit_classifier.fit(features, label, start, 1e6, NO_CELLS, 0.3)
    assert torch.allclose(held, start[0], atol=1e-3)


def test_put_changes_the_logit_and_halves_the_change_between_the_rows():
    network = Res2Net(50)
    before = network.fc.weight.detach().clone()
    weight, bias = torch.randn(2048), torch.tensor(0.5)
    change = weight - refit_classifier.logit(network)[0]
    refit_classifier.put(network, weight, bias)
    found = refit_classifier.logit(network)
    assert torch.allclose(found[0], weight, atol=1e-5) and found[1] == pytest.approx(0.5, abs=1e-5)
    assert torch.allclose(network.fc.weight[1] - before[1], change / 2, atol=1e-5)


def test_figures_gain_only_what_volumes_and_lesions_hardly_lose():
    rows = {
        None: {"auc": 0.7, "auc_volumes": 0.9, "auc_cells": 0.9},
        0.1: {"auc": 0.9, "auc_volumes": 0.8, "auc_cells": 0.8},
        0.3: {"auc": 0.9, "auc_volumes": 0.95, "auc_cells": 0.5},
        1.0: {"auc": 0.8, "auc_volumes": 0.895, "auc_cells": 0.805},
        3.0: {"auc": 0.75, "auc_volumes": 0.95, "auc_cells": 0.8},
    }
    assert refit_classifier.best_of(rows) == 1.0
    assert refit_classifier.best_of({k: rows[k] for k in (None, 0.1, 0.3)}) is None


def test_features_are_of_views_as_in_training():
    slices = [chest(i, i % 2 == 0) for i in range(12)]
    sampler = ClassifierSampler(slices, 1, recipe.load("shipped").classifier)
    network = Res2Net(50).eval()
    pooled, label, cells = refit_classifier.training_features(network, sampler, 1, 64, "fp32")
    assert pooled.shape == (16, 2048) and set(label.tolist()) == {0.0, 1.0}
    assert cells.features.shape[1:] == (2048, 2, 2) and 0 < len(cells.share) <= int(label.sum()) + 1
    unseen, drawn = refit_classifier.validation_features(network, slices, 64, "fp32")
    assert unseen.shape == (12, 2048) and len(drawn.share) == 6

"""The last layer, fitted again."""

import numpy as np
import pytest
import torch

from jcs import data, refit_classifier
from jcs.networks.res2net import Res2Net


def a_slice(source: str, label: int) -> data.Slice:
    hu = np.full((40, 40), -700, np.int16)
    return data.Slice(source, "file", "patient", "train", label, hu, None, None, (0.0, 0.0, 40.0, 40.0))


def separable() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    features, label = torch.rand(200, 6), (torch.arange(200) % 2).float()
    features[:, 2] += label
    return features, label, torch.full((200,), 1 / 200)


def test_weights_follow_sets_and_labels_not_counts():
    slices = [a_slice("seg20", 1)] * 6 + [a_slice("seg20", 0)] * 2 + [a_slice("ct100", 1)] * 4
    weight = refit_classifier.weights(slices, {"seg20": 0.6, "ct100": 0.4})
    assert weight[:6].sum() == pytest.approx(0.3)
    assert weight[6:8].sum() == pytest.approx(0.3)
    assert weight[8:].sum() == pytest.approx(0.4)


def test_fit_finds_the_feature_that_tells():
    features, label, weight = separable()
    found, bias = refit_classifier.fit(features, label, weight, (torch.zeros(6), torch.zeros(())), 0.01)
    assert found.abs().argmax() == 2
    assert ((features @ found + bias > 0) == (label > 0)).float().mean() > 0.95


def test_decay_holds_the_layer_where_it_started():
    features, label, weight = separable()
    start = (torch.linspace(-1, 1, 6), torch.tensor(0.25))
    held, _ = refit_classifier.fit(features, label, weight, start, 1e6)
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


def test_figures_gain_only_what_volumes_do_not_lose():
    rows = {
        None: {"auc": 0.7, "auc_volumes": 0.9},
        0.1: {"auc": 0.9, "auc_volumes": 0.8},
        1.0: {"auc": 0.8, "auc_volumes": 0.91},
        3.0: {"auc": 0.75, "auc_volumes": 0.95},
    }
    assert refit_classifier.best_of(rows) == 1.0
    assert refit_classifier.best_of({k: rows[k] for k in (None, 0.1)}) is None

"""How far slices lie from the training slices."""

import numpy as np
import onnxruntime
import pytest
import torch

from hand_made import chest
from jcs import augment, distance, graph, prepare
from jcs.networks.res2net import Res2Net


def spread_along(axes: int, count: int = 200) -> np.ndarray:
    """[count, 12]: wide along the first axes, narrow along the others."""
    rng = np.random.default_rng(0)
    return rng.normal(0, [3.0] * axes + [0.1] * (12 - axes), (count, 12)).astype(np.float32) + 5


def measured(known: distance.Distance, values: np.ndarray) -> np.ndarray:
    return known(torch.from_numpy(values.astype(np.float32))).numpy()


def test_what_was_fitted_lies_at_one_and_other_things_further():
    features = spread_along(3)
    known = distance.fitted(features, directions=3)
    assert measured(known, features).mean() == pytest.approx(1, abs=0.05)
    along, beside = (np.full((1, 12), 5.0) for _ in range(2))
    along[0, 0] += 3  # one standard deviation
    beside[0, 11] += 3  # thirty
    assert measured(known, along)[0] < 1 and measured(known, beside)[0] > 10


def test_too_few_slices_are_refused():
    with pytest.raises(ValueError, match="32 slices do not fix 32 directions"):
        distance.fitted(np.zeros((32, 40)))


def test_the_limit_has_nineteen_of_twenty_slices_below_it_whatever_the_size_of_sets():
    assert distance.limit(np.arange(1.0, 101), ["luna"] * 100) == 95
    # A large set does not speak for a small one: of both sets alike nineteen of twenty lie below.
    values = np.concatenate([np.linspace(0, 1, 1000), np.linspace(10, 11, 20)])
    assert distance.limit(values, ["luna"] * 1000 + ["tcga"] * 20) == pytest.approx(10.9, abs=0.06)


@pytest.mark.parametrize(("values", "unlike"), [([1, 9, 1], False), ([9, 1, 9], True), ([2, 2], False), ([2.1], True)])
def test_a_study_is_judged_by_its_median(values, unlike):
    assert distance.verdict(np.array(values, float), 2.0).unlike is unlike


@pytest.fixture(scope="module")
def trained() -> Res2Net:
    """A trunk that has seen some chests."""
    torch.manual_seed(0)
    network = Res2Net(50).train()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    views = prepare.prepare(torch.stack([augment.plain(chest(k, k % 2 == 0), 64)[0] for k in range(8)]))
    label = torch.tensor([1.0, 0.0] * 4).long()
    for _ in range(6):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(views), label).backward()
        optimiser.step()
    return network.eval()


def test_a_phantom_and_an_inverted_slice_are_unlike_the_training_data_and_other_chests_are_not(trained):
    def pooled(slices: list[np.ndarray]) -> np.ndarray:
        hu = [torch.from_numpy(values.astype(np.float32))[None, None] for values in slices]
        with torch.inference_mode():
            return torch.cat([trained.features(graph.Preparation(64)(values)[0]).mean((2, 3)) for values in hu]).numpy()

    seen = [chest(k, k % 2 == 0).hu for k in range(100, 160)]
    others = [chest(k, k % 2 == 0).hu for k in range(200, 240)]
    known = distance.fitted(pooled(seen), directions=8)
    of_others = measured(known, pooled(others))
    at_most = distance.limit(of_others, ["seg20"] * len(others))
    assert not distance.verdict(of_others, at_most).unlike
    assert distance.verdict(measured(known, pooled([distance.phantom(96), distance.phantom(128)])), at_most).unlike
    assert distance.verdict(measured(known, pooled([distance.inverted(hu) for hu in others[:4]])), at_most).unlike


def test_the_served_graph_gives_the_distance(trained):
    known = distance.fitted(np.random.default_rng(0).normal(0, 1, (40, 2048)).astype(np.float32), directions=4)
    model = graph.classifier(graph.classifier_core(trained, 64), trained, 64, distance=known)
    network = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    hu = np.stack([chest(k, True).hu.astype(np.float32)[None] for k in range(3)])
    (said,) = network.run(["distance"], {"hu": hu})
    with torch.inference_mode():
        prepared, _ = graph.Preparation(64)(torch.from_numpy(hu))
        assert said == pytest.approx(known(trained.features(prepared).mean((2, 3))).numpy(), rel=1e-3)
    assert [o.name for o in network.get_outputs()] == ["probability", "activation", "distance"]

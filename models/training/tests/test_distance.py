"""How far slices lie from the training slices."""

import numpy as np
import onnxruntime
import pytest
import torch

from hand_made import chest
from jcs import augment, distance, graph, manifest, prepare, reference, serve
from jcs.networks.res2net import Res2Net


def spread_along(axes: int, count: int = 200) -> np.ndarray:
    """[count, 12]: wide along the first axes, narrow along the others."""
    rng = np.random.default_rng(0)
    return rng.normal(0, [3.0] * axes + [0.1] * (12 - axes), (count, 12)).astype(np.float32) + 5


def measured(known: distance.Spread, values: np.ndarray) -> np.ndarray:
    return known(torch.from_numpy(values.astype(np.float32))).numpy()


def test_what_was_fitted_lies_at_one_and_other_things_further():
    features = spread_along(3)
    known = distance.spread(features, directions=3)
    assert measured(known, features).mean() == pytest.approx(1, abs=0.05)
    along, beside = (np.full((1, 12), 5.0) for _ in range(2))
    along[0, 0] += 3  # one standard deviation
    beside[0, 11] += 3  # thirty
    assert measured(known, along)[0] < 1 and measured(known, beside)[0] > 10


def test_too_few_slices_are_refused():
    with pytest.raises(ValueError, match="32 slices do not fix 32 directions"):
        distance.spread(np.zeros((32, 40)), 32)


def test_the_limit_has_nineteen_of_twenty_slices_below_it_whatever_the_size_of_sets():
    assert distance.limit(np.arange(1.0, 101), ["luna"] * 100) == 95
    # A large set does not speak for a small one: of both sets alike nineteen of twenty lie below.
    values = np.concatenate([np.linspace(0, 1, 1000), np.linspace(10, 11, 20)])
    assert distance.limit(values, ["luna"] * 1000 + ["tcga"] * 20) == pytest.approx(10.9, abs=0.06)


@pytest.mark.parametrize(("values", "unlike"), [([1, 9, 1], False), ([9, 1, 9], True), ([2, 2], False), ([2.1], True)])
def test_a_study_is_judged_by_its_median(values, unlike):
    assert distance.verdict(np.array(values, float), 2.0).unlike is unlike


@pytest.fixture(scope="module")
def trained(shallow_trunk) -> Res2Net:
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


def test_a_histogram_counts_the_levels_of_the_window():
    low, high = prepare.WINDOW
    step = (high - low) / (distance.LEVELS - 1)
    hu = torch.full((2, 1, 8, 8), low - 500)
    hu[0, :, 4:] = low + 3.25 * step
    found = distance.histogram(prepare.prepare(hu)).square()
    assert found.sum(1) == pytest.approx(1, abs=1e-5) and found[1, 0] == pytest.approx(1)
    assert found[0, [0, 3, 4]].tolist() == pytest.approx([0.5, 0.375, 0.125], abs=1e-5)


def test_the_larger_of_both_distances_counts():
    axes = np.random.default_rng(1).normal(0, 1, (400, distance.LEVELS)).astype(np.float32)
    known = distance.fitted(axes, axes / 100 + 0.2, directions=8)
    flat = torch.full((1, distance.LEVELS), 0.2)
    picture = prepare.prepare(torch.full((1, 1, 8, 8), -500.0))
    of_levels = known.levels(distance.histogram(picture))
    assert of_levels > 100 > known.features(flat) and known(flat, picture) == of_levels
    assert known(1000 * flat, picture) == known.features(1000 * flat) > of_levels


def seen(network: Res2Net, slices: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Pooled features and histograms, as `jcs.export` has them."""
    with torch.inference_mode():
        views = torch.cat([graph.Preparation(64)(torch.from_numpy(hu.astype(np.float32))[None, None])[0] for hu in slices])
        return network.features(views).mean((2, 3)).numpy(), distance.histogram(views).numpy()


def test_a_phantom_and_an_inverted_slice_are_unlike_the_training_data_and_other_chests_are_not(trained):
    others = [chest(k, k % 2 == 0).hu for k in range(200, 240)]
    known = distance.fitted(*seen(trained, [chest(k, k % 2 == 0).hu for k in range(100, 160)]), directions=8)

    def measured(slices: list[np.ndarray]) -> np.ndarray:
        pooled = torch.from_numpy(seen(trained, slices)[0])
        views = torch.cat([graph.Preparation(64)(torch.from_numpy(hu.astype(np.float32))[None, None])[0] for hu in slices])
        return known(pooled, views).numpy()

    of_others = measured(others)
    at_most = distance.limit(of_others, ["seg20"] * len(others))
    assert not distance.verdict(of_others, at_most).unlike
    assert distance.verdict(measured([distance.phantom(96), distance.phantom(128)]), at_most).unlike
    assert distance.verdict(measured([distance.inverted(hu) for hu in others[:4]]), at_most).unlike


def test_the_shipped_classifier_calls_a_phantom_and_inverted_lungs_unlike_and_the_test_picture_not():
    """Real files against real limits: the network and the limit that the node loads."""
    folder = manifest.models_folder()
    entry = manifest.read(folder)["classifier"]
    network = serve.session((folder / entry["file"]).read_bytes(), threads=1)
    picture = reference.picture()[0]

    def unlike(hu: np.ndarray) -> bool:
        values = network.run(["distance"], {"hu": hu.astype(np.float32).reshape(1, 1, *hu.shape[-2:])})[0]
        return distance.verdict(values, entry["distance"]["limit"]).unlike

    assert not unlike(picture)
    assert unlike(distance.inverted(picture)) and unlike(distance.phantom()) and unlike(distance.phantom(256))


def test_the_served_graph_gives_the_distance(trunk, trunk_core):
    rng = np.random.default_rng(0)
    pooled, levels = rng.normal(0, 1, (40, 2048)).astype(np.float32), rng.uniform(0, 1, (40, distance.LEVELS)).astype(np.float32)
    known = distance.fitted(pooled, levels, directions=4)
    model = graph.classifier(trunk_core, trunk, 64, distance=known)
    network = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    hu = np.stack([chest(k, True).hu.astype(np.float32)[None] for k in range(3)])
    (said,) = network.run(["distance"], {"hu": hu})
    with torch.inference_mode():
        prepared, _ = graph.Preparation(64)(torch.from_numpy(hu))
        assert said == pytest.approx(known(trunk.features(prepared).mean((2, 3)), prepared).numpy(), rel=1e-3)
    assert [o.name for o in network.get_outputs()] == ["probability", "activation", "distance"]

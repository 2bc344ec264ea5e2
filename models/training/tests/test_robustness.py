"""Changes of a study: each is what its name says, and stays within what a reader keeps."""

import numpy as np
import pytest
import torch

from jcs import robustness, studies


@pytest.fixture
def chest() -> np.ndarray:
    """Air, tissue, two lungs of -850 HU in it, one of them smaller."""
    hu = np.full((60, 60), -1000, np.int16)
    hu[10:50, 5:55] = 40
    hu[18:42, 10:28] = hu[18:38, 32:50] = -850
    return hu


def seen(hu: np.ndarray, name: str, seed: int = 0) -> np.ndarray:
    return robustness.changed(hu, robustness.CHANGES[name], seed, studies.KEPT)


@pytest.mark.parametrize("name", robustness.CHANGES)
def test_a_change_gives_a_slice_again_and_the_same_each_time(chest, name):
    found = seen(chest, name)
    assert found.dtype == np.int16 and found.ndim == 2 and found.min() >= studies.KEPT[0]
    assert (found == seen(chest, name)).all()
    assert (name == "as it is") == (found.shape == chest.shape and (found == chest).all())


def test_breathing_out_changes_lungs_alone(chest):
    change = seen(chest, "lungs 100 HU denser, as breathed out") - chest
    assert (change[chest == -850] == 100).all() and not change[chest != -850].any()


@pytest.mark.parametrize(("spread", "grain"), [(80, 0), (30, 1.0)])
def test_noise_has_its_spread(spread, grain):
    noise = robustness.noise(spread, grain)(torch.zeros(1, 200, 200), np.random.default_rng(1))
    assert float(noise.std()) == pytest.approx(spread, rel=1e-3)
    beside = float((noise[:, 1:] * noise[:, :-1]).mean()) / spread**2
    assert beside == pytest.approx(np.exp(-1 / 4) if grain else 0, abs=0.03)


def test_fields_of_view(chest):
    assert seen(chest, "field of view 1.4 times as wide").shape == (84, 84)
    assert seen(chest, "field of view 0.83 times as wide").shape == (50, 50)
    assert seen(chest, "matrix of 256 x 256").shape == (256, 256)

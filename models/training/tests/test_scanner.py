"""What the simulated scanner does to an edge, to noise and to grey levels that are known."""

import math

import numpy as np
import pytest
import torch

from jcs import scanner
from jcs.prepare import WINDOW
from jcs.scanner import Scanner, drawn, grainy, scan, trimmed

SIZE = 128


def edge() -> torch.Tensor:
    """Lung on the left, tissue on the right."""
    hu = torch.full((1, SIZE, SIZE), -850.0)
    hu[..., SIZE // 2 :] = 50.0
    return hu


def profile(kind: Scanner) -> np.ndarray:
    return scan(edge(), kind, np.random.default_rng(0))[0, SIZE // 2].numpy()


def test_no_change_by_default():
    assert torch.allclose(scan(edge(), Scanner(SIZE), np.random.default_rng(0)), edge(), atol=1e-3)


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.1])
def test_a_soft_kernel_spreads_an_edge_as_a_gaussian_does(sigma):
    spread = np.diff(profile(Scanner(SIZE, blur=sigma)))
    places = np.arange(len(spread)) - (SIZE // 2 - 1)
    assert spread.sum() == pytest.approx(900, rel=1e-3)
    width = math.sqrt((spread * places**2).sum() / spread.sum())
    assert width == pytest.approx(sigma, rel=0.12)  # the kernel is cut off at 2.5 sigma and sampled


def test_a_sharp_kernel_overshoots_on_both_sides_alike():
    values = profile(Scanner(SIZE, sharpness=1.0, window=(-3000.0, 3000.0)))
    below, above = -850 - values.min(), values.max() - 50
    assert below == pytest.approx(above, rel=1e-3) and 100 < above < 450
    assert values[:40] == pytest.approx(-850, abs=1e-2) and values[-40:] == pytest.approx(50, abs=1e-2)


def spectrum(noise: torch.Tensor) -> np.ndarray:
    """Power along one axis, mean over the lines, of the lower and the upper quarter of frequencies."""
    power = (torch.fft.rfft(noise[0], dim=1).abs() ** 2).mean(0).numpy()[1:]
    quarter = len(power) // 4
    return np.array([power[:quarter].mean(), power[-quarter:].mean()])


def test_noise_has_the_spread_asked_for_and_the_spectrum_of_its_grain():
    flat = torch.full((1, SIZE, SIZE), -600.0)
    for grain in (0.0, 0.8):
        kind = Scanner(SIZE, noise=40.0, grain=grain)
        noise = scan(flat, kind, np.random.default_rng(1)) + 600
        assert noise.std() == pytest.approx(40, rel=0.03) and abs(float(noise.mean())) < 2
        low, high = spectrum(noise)
        if not grain:
            assert low == pytest.approx(high, rel=0.1)
        else:
            # A Gaussian of sigma s passes exp(-(2 pi f s)^2) of the power: 0.93 and 0.003 as means over these quarters.
            frequencies = np.fft.rfftfreq(SIZE)[1:]
            passed = np.exp(-((2 * np.pi * frequencies * grain) ** 2))
            quarter = len(passed) // 4
            assert high / low == pytest.approx(passed[-quarter:].mean() / passed[:quarter].mean(), abs=0.02)


def test_grain_changes_no_spread():
    assert grainy(torch.Size((1, 64, 64)), 0.8, np.random.default_rng(2)).std() == pytest.approx(1, abs=1e-3)


def test_a_window_is_cut_off_and_eight_bits_stay_within_a_grey_level():
    ramp = torch.linspace(-1350, 150, SIZE).expand(1, SIZE, SIZE).contiguous()
    cut = scan(ramp, Scanner(SIZE, window=(-1000.0, 0.0)), np.random.default_rng(0))
    assert cut.min() == -1000 and cut.max() == 0
    assert torch.equal(cut[(ramp > -990) & (ramp < -10)], scan(ramp, Scanner(SIZE), np.random.default_rng(0))[(ramp > -990) & (ramp < -10)])
    coded = scan(ramp, Scanner(SIZE, window=(-1000.0, 0.0), quality=95), np.random.default_rng(0))
    assert (coded - cut).abs().max() < 3 * 1000 / scanner.GREYS
    worse = scan(ramp + 60 * torch.randn(1, SIZE, SIZE), Scanner(SIZE, quality=45), np.random.default_rng(0))
    assert worse.min() >= WINDOW[0] and worse.max() <= WINDOW[1]


def test_level_and_scale_are_of_the_windows_low_end():
    hu = scan(torch.full((1, 8, 8), -600.0), Scanner(8, level=25.0, scale=1.1), np.random.default_rng(0))
    assert torch.allclose(hu, torch.tensor(-1350 + 750 * 1.1 + 25))


def test_what_was_not_published_is_air():
    hu = trimmed(torch.zeros(1, 100, 100), (-0.05, 0.1, 0.9, 1.02), -1024.0)
    inside = torch.zeros(1, 100, 100, dtype=torch.bool)
    inside[:, 10:, :90] = True
    assert (hu[inside] == 0).all() and (hu[~inside] == -1024).all()


def test_every_set_is_seen_by_scanners_of_one_distribution():
    """Each of what sets differ in is drawn both as the narrowest set has it and as the widest."""
    rng = np.random.default_rng(4)
    kinds = [drawn(rng) for _ in range(3000)]
    assert {k.quality is None for k in kinds} == {True, False} and {k.noise > 0 for k in kinds} == {True, False}
    lows, highs, matrices = (np.array(v) for v in zip(*[(*k.window, k.matrix) for k in kinds]))
    assert (lows > -1000).mean() > 0.05 and (lows <= -1300).mean() > 0.3  # luna's window begins at -1000
    assert (highs < 0).mean() > 0.08 and (highs >= 150).mean() > 0.3  # pneu's ends at 0
    assert (matrices < 130).mean() > 0.2 and (matrices > 220).mean() > 0.2

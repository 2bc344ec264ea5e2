"""State of a run on disk, averaged weights, and curves."""

import copy
import csv
import os
import pathlib

import matplotlib
import torch
from torch import nn

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


class Average:
    """Exponential moving average of a network's weights and statistics: what is validated and exported."""

    def __init__(self, network: nn.Module, decay: float):
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, iteration: int) -> None:
        """Early on the average is short, so that it forgets the random start."""
        decay = min(self.decay, (1 + iteration) / (10 + iteration))
        for mean, new in zip(self.network.state_dict().values(), network.state_dict().values()):
            if mean.is_floating_point():
                mean.lerp_(new, 1 - decay)
            else:
                mean.copy_(new)


def save(path: pathlib.Path, state: dict) -> None:
    """Write whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def load(path: pathlib.Path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=True)


class Curves:
    """One CSV row per validation, and its picture beside it."""

    def __init__(self, path: pathlib.Path, resume: bool):
        self.path = path
        self.rows: list[dict[str, float]] = []
        if resume and path.exists():
            with open(path, newline="") as file:
                self.rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]

    def add(self, row: dict[str, float]) -> None:
        self.rows.append(row)
        names = dict.fromkeys(name for known in self.rows for name in known)  # a run that went on may measure more
        with open(self.path, "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(names), restval="nan")
            writer.writeheader()
            writer.writerows(self.rows)
        self.draw([name for name in row if name not in ("iteration", "minutes", "size", "rate")])

    def draw(self, names: list[str]) -> None:
        figure, axes = pyplot.subplots(1, len(names), figsize=(3.2 * len(names), 2.8), squeeze=False)
        for axis, name in zip(axes[0], names):
            axis.plot([r["minutes"] for r in self.rows], [r.get(name, float("nan")) for r in self.rows], marker=".")
            axis.set_title(name)
            axis.set_xlabel("minutes")
            axis.grid(alpha=0.3)
        figure.tight_layout()
        figure.savefig(self.path.with_suffix(".png"), dpi=90)
        pyplot.close(figure)

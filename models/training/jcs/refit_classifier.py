"""Fit the classifier's last layer again, to its finished trunk, as deep feature reweighting does (Kirichenko et al. 2023).

    python -m jcs.refit_classifier                # classifier-best.pt -> classifier-refit.pt

While the trunk moves, mixes labels and learns cells, the FC layer lags behind what its features could tell. On a fixed trunk the
layer is a logistic regression, and its best weights are found in seconds. Views are drawn as in training, but not mixed. Pooled features
alone do not say where the evidence lies, so that the fit could move it out of the lesions: the pointing loss of the training is part of
it. How far the layer may go from the trained one is chosen on the validation split; not at all is a choice.
The node reads volumes, so figures and other diseases may gain only what volumes hardly lose, and evidence must stay in lesions.
"""

import argparse
import dataclasses
import pathlib

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from jcs import arithmetic, augment, checkpoint, data, metrics, recipe
from jcs.losses import pointing_loss
from jcs.networks.res2net import Res2Net
from jcs.prepare import mask_to_cells, prepare
from jcs.sampling import ClassifierSampler
from jcs.schedule import Stage
from jcs.train_classifier import COVID, NAME, auc_by_kind, validation_slices

SIZE = 224  # as served
DECAYS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
BATCH = 16
MOST_CELLS = 800  # views whose cells are kept: 0.4 MB each
LEAST_SHARE = 0.02  # of a cell that lesions cover, as in the losses
MOST_LOST = 0.01  # of the AUC of volumes
LEAST_CELLS = 0.80  # AUC of the cells' evidence that a layer must reach, unless the trained one does not


@dataclasses.dataclass(frozen=True)
class Cells:
    """Features of the cells of slices with drawn lesions."""

    features: Tensor  # [K, C, h, w]
    share: Tensor  # [K, h, w]

    def evidence(self, weights: Tensor) -> Tensor:
        return torch.einsum("kchw,c->khw", self.features, weights)

    def auc(self, weights: Tensor) -> float:
        """Of the evidence of all cells: lesion or not."""
        return metrics.auc(self.evidence(weights).flatten().numpy(), (self.share > LEAST_SHARE).flatten().numpy())


@torch.inference_mode()
def seen(network: Res2Net, hu: Tensor, lesions: Tensor, precision: str) -> tuple[Tensor, Tensor]:
    """Views in HU and lesions [N, 1, S, S] -> features [N, C, h, w] and the share of each cell [N, h, w]."""
    with arithmetic.context(precision):
        features = network.features(prepare(hu).contiguous(memory_format=torch.channels_last)).float()
    return features, mask_to_cells(lesions, (features.shape[2], features.shape[3]))[:, 0]


def fit(
    features: Tensor, label: Tensor, start: tuple[Tensor, Tensor], decay: float, cells: Cells, pointing: float
) -> tuple[Tensor, Tensor]:
    """Logistic regression of pooled features [N, C] from `start`: weights [C] and bias [] of the logit.

    `decay` pulls each, per standard deviation of its feature, to the start; `pointing` is the weight of the pointing loss over `cells`.
    """
    spread, mean = features.std(0) + 1e-6, features.mean(0)
    scaled, before = (features - mean) / spread, features @ start[0] + start[1]
    move, shift = torch.zeros_like(mean, requires_grad=True), torch.zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS([move, shift], max_iter=200, line_search_fn="strong_wolfe")
    known = torch.ones(len(cells.share))

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = F.binary_cross_entropy_with_logits(before + scaled @ move + shift, label) + decay / 2 * (move * move).sum()
        if pointing and len(known):
            value = value + pointing * pointing_loss(cells.evidence(start[0] + move / spread), cells.share, known)
        value.backward()
        return value

    optimiser.step(loss)
    with torch.no_grad():
        return start[0] + move / spread, start[1] + shift - (move * mean / spread).sum()


def logit(network: Res2Net) -> tuple[Tensor, Tensor]:
    """Weights [C] and bias [] of the logit of COVID-19 against the other class."""
    weight, bias = network.fc.weight.detach(), network.fc.bias.detach()
    return weight[COVID] - weight[1 - COVID], bias[COVID] - bias[1 - COVID]


def put(network: Res2Net, weight: Tensor, bias: Tensor) -> None:
    """Give the FC layer this logit; both rows take half of the change."""
    old_weight, old_bias = logit(network)
    with torch.no_grad():
        for row, sign in ((COVID, 0.5), (1 - COVID, -0.5)):
            network.fc.weight[row] += sign * (weight - old_weight)
            network.fc.bias[row] += sign * (bias - old_bias)


def best_of(rows: dict[float | None, dict[str, float]]) -> float | None:
    """The decay with the best mean AUC, of those that keep evidence in lesions and lose hardly anything on volumes. `None`: as trained."""
    trained = rows[None]
    least = min(trained["auc_cells"], LEAST_CELLS)
    sound = [
        decay
        for decay, row in rows.items()
        if row["auc_volumes"] >= trained["auc_volumes"] - MOST_LOST and row["auc_cells"] >= least
    ]
    return max(sound, key=lambda decay: rows[decay]["auc"])


def training_features(
    network: Res2Net, sampler: ClassifierSampler, batches: int, size: int, precision: str
) -> tuple[Tensor, Tensor, Cells]:
    """Of views drawn as in training: pooled features [N, C], label [N], and the cells of those with drawn lesions."""
    pooled, labels = [], []
    kept: list[Tensor] = []
    shares: list[Tensor] = []
    for iteration in range(batches):
        items, hu, lesions, _ = sampler.samples(iteration, Stage(0.0, size, BATCH))
        features, share = seen(network, hu, lesions, precision)
        pooled.append(features.mean((2, 3)))
        labels += [float(item.label or 0) for item in items]
        drawn = (share > LEAST_SHARE).any(2).any(1)
        if drawn.any() and sum(len(part) for part in kept) < MOST_CELLS:
            kept.append(features[drawn])
            shares.append(share[drawn])
    return torch.cat(pooled), torch.tensor(labels), Cells(torch.cat(kept), torch.cat(shares))


def validation_features(network: Res2Net, slices: list[data.Slice], size: int, precision: str) -> tuple[Tensor, Cells]:
    """Of slices as served: pooled features [N, C], and the cells of those with drawn lesions."""
    pooled, kept, shares = [], [], []
    for start in range(0, len(slices), BATCH):
        views = [augment.plain(item, size) for item in slices[start : start + BATCH]]
        features, share = seen(network, torch.stack([hu for hu, _ in views]), torch.stack([lesion for _, lesion in views]), precision)
        drawn = (share > LEAST_SHARE).any(2).any(1)
        pooled.append(features.mean((2, 3)))
        kept.append(features[drawn])
        shares.append(share[drawn])
    return torch.cat(pooled), Cells(torch.cat(kept), torch.cat(shares))


def refit(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    precision = arithmetic.faster() if arguments.arithmetic == "auto" else arguments.arithmetic
    table = recipe.load(arguments.recipe).classifier
    slices = data.load(arguments.data)
    state = checkpoint.load(arguments.checkpoint or arguments.folder / f"{NAME}-best.pt")
    network = Res2Net(state["depth"])
    network.load_state_dict(state["average"])
    network = network.to(memory_format=torch.channels_last).eval()

    sampler = ClassifierSampler(slices, arguments.seed, table, arguments.without)
    features, label, cells = training_features(network, sampler, arguments.batches, arguments.size, precision)
    held_out = validation_slices(slices, {})
    unseen, unseen_cells = validation_features(network, held_out, arguments.size, precision)

    start = logit(network)
    tried: dict[float | None, tuple[Tensor, Tensor]] = {None: start}
    tried |= {decay: fit(features, label, start, decay, cells, table.pointing_weight) for decay in arguments.decays}
    rows = {decay: measures(unseen @ w + b, unseen_cells.auc(w), held_out) for decay, (w, b) in tried.items()}
    for decay, row in rows.items():
        print("as trained" if decay is None else f"decay {decay}", {k: round(v, 4) for k, v in row.items()}, flush=True)
    best = best_of(rows)
    put(network, *tried[best])
    output = arguments.folder / f"{NAME}-refit.pt"
    options = f"--batches {arguments.batches} --seed {arguments.seed}"
    checkpoint.save(output, {**state, "average": network.state_dict(), "refit": str(best), "refit_options": options, **rows[best]})
    print(f"wrote {output}: {'as trained' if best is None else f'decay {best}'}")


def measures(score: Tensor, cells: float, slices: list[data.Slice]) -> dict[str, float]:
    return auc_by_kind(np.asarray(score), slices) | {"auc_cells": cells}


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--checkpoint", type=pathlib.Path, default=None, help="of jcs.train_classifier (the best in the folder)")
    arguments.add_argument("--folder", type=pathlib.Path, default=data.training_folder(), help="where the result goes (%(default)s)")
    arguments.add_argument(
        "--data", type=pathlib.Path, default=None, help="folder of the training sets (JCS_DATA, or ../shared/data/train)"
    )
    arguments.add_argument("--recipe", default="shipped", help="how views are drawn (%(default)s)")
    arguments.add_argument("--without", action="append", default=[], choices=data.SETS, help="a set that the training left out; repeatable")
    arguments.add_argument("--batches", type=int, default=300, help=f"of {BATCH} views each (%(default)s)")
    arguments.add_argument("--size", type=int, default=SIZE)
    arguments.add_argument("--decays", type=float, nargs="+", default=DECAYS)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--arithmetic", choices=arithmetic.CHOICES, default="auto")
    arguments.add_argument("--threads", type=int, default=2)
    return arguments


if __name__ == "__main__":
    refit(parser().parse_args())

"""Fit the classifier's last layer again, to its finished trunk, as deep feature reweighting does (Kirichenko et al. 2023).

    python -m jcs.refit_classifier                # classifier-best.pt -> classifier-refit.pt

While the trunk moves, mixes labels and learns cells, the FC layer lags behind what its features could tell. On a fixed trunk the
layer is a logistic regression, and its best weights are found in seconds. Sets and labels weigh as in training. How far
the layer may go from the trained one, which also holds the activation mapping, is chosen on the validation split; not at all is a choice.
The node reads volumes, so figures may gain only what volumes do not lose.
"""

import argparse
import pathlib

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from jcs import arithmetic, augment, checkpoint, data, recipe
from jcs.networks.res2net import Res2Net
from jcs.prepare import prepare
from jcs.train_classifier import COVID, NAME, auc_by_kind, validation_slices

SIZE = 224  # as served
DECAYS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
BATCH = 16
FILLED_EVERY = 8  # of the slices with lungs, one appears as of the abdomen


def weights(slices: list[data.Slice], share: dict[str, float]) -> Tensor:
    """Weight of each sample [N], 1 in all: a set has its share, and within it each label that it has the same."""
    kinds = [(s.source, s.label) for s in slices]
    labels = {source: len({label for other, label in set(kinds) if other == source}) for source in share}
    weight = torch.tensor([share[source] / labels[source] / kinds.count((source, label)) for source, label in kinds])
    return weight / weight.sum()


@torch.inference_mode()
def pooled(network: Res2Net, views: list[Tensor], precision: str) -> Tensor:
    """Views in HU, each [1, S, S] -> features after global average pooling [N, C]."""
    found = []
    for start in range(0, len(views), BATCH):
        images = prepare(torch.stack(views[start : start + BATCH])).contiguous(memory_format=torch.channels_last)
        with arithmetic.context(precision):
            found.append(network.features(images).float().mean((2, 3)))
    return torch.cat(found)


def fit(features: Tensor, label: Tensor, weight: Tensor, start: tuple[Tensor, Tensor], decay: float) -> tuple[Tensor, Tensor]:
    """Logistic regression from `start`: weights [C] and bias [] of the logit.

    `decay` pulls each, per standard deviation of its feature, to the start.
    """
    spread, mean = features.std(0) + 1e-6, features.mean(0)
    scaled, before = (features - mean) / spread, features @ start[0] + start[1]
    move, shift = torch.zeros_like(mean, requires_grad=True), torch.zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS([move, shift], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        error = F.binary_cross_entropy_with_logits(before + scaled @ move + shift, label, reduction="none")
        value = (weight * error).sum() + decay / 2 * (move * move).sum()
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
    """The decay with the best mean AUC of those that do not lower the AUC of volumes below that `None`, as trained, has."""
    sound = [decay for decay, row in rows.items() if row["auc_volumes"] >= rows[None]["auc_volumes"]]
    return max(sound, key=lambda decay: rows[decay]["auc"])


def training_views(
    slices: list[data.Slice], table: recipe.ClassifierRecipe, views: int, size: int, seed: int
) -> tuple[list[Tensor], Tensor, Tensor]:
    """One plain and `views` random views of each labelled training slice, some as of the abdomen: HU, label [N], weight [N]."""
    rng = np.random.default_rng(seed)
    train = [s for s in slices if s.split == "train" and s.label is not None and s.source in table.share]
    filled = [data.with_lungs_filled(s, rng) for s in [s for s in train if s.lung is not None][::FILLED_EVERY]]
    part = table.views.filled if filled else 0.0
    weight = torch.cat([(1 - part) * weights(train, table.share), torch.full((len(filled),), part / max(1, len(filled)))])
    items = train + filled
    shown = [augment.plain(s, size)[0] for s in items]
    for _ in range(views):
        shown += [augment.sample(s, size, rng, table.views.simulated_scanner)[0] for s in items]
    label = torch.tensor([float(s.label or 0) for s in items])
    return shown, label.repeat(1 + views), weight.repeat(1 + views) / (1 + views)


def refit(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    precision = arithmetic.faster() if arguments.arithmetic == "auto" else arguments.arithmetic
    table = recipe.load(arguments.recipe).classifier
    slices = data.load(arguments.data)
    state = checkpoint.load(arguments.checkpoint or arguments.folder / f"{NAME}-best.pt")
    network = Res2Net(state["depth"])
    network.load_state_dict(state["average"])
    network = network.to(memory_format=torch.channels_last).eval()

    shown, label, weight = training_views(slices, table, arguments.views, arguments.size, arguments.seed)
    features = pooled(network, shown, precision)
    held_out = validation_slices(slices, {})
    unseen = pooled(network, [augment.plain(s, arguments.size)[0] for s in held_out], precision)

    start = logit(network)
    tried = {None: start} | {decay: fit(features, label, weight, start, decay) for decay in arguments.decays}
    rows = {decay: auc_by_kind((unseen @ w + b).numpy(), held_out) for decay, (w, b) in tried.items()}
    for decay, row in rows.items():
        print("as trained" if decay is None else f"decay {decay}", {k: round(v, 4) for k, v in row.items()}, flush=True)
    best = best_of(rows)
    put(network, *tried[best])
    output = arguments.folder / f"{NAME}-refit.pt"
    options = f"--views {arguments.views} --seed {arguments.seed}"
    checkpoint.save(output, {**state, "average": network.state_dict(), "refit": str(best), "refit_options": options, **rows[best]})
    print(f"wrote {output}: {'as trained' if best is None else f'decay {best}'}")


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--checkpoint", type=pathlib.Path, default=None, help="of jcs.train_classifier (the best in the folder)")
    arguments.add_argument("--folder", type=pathlib.Path, default=data.training_folder(), help="where the result goes (%(default)s)")
    arguments.add_argument(
        "--data", type=pathlib.Path, default=None, help="folder of the training sets (JCS_DATA, or ../shared/data/train)"
    )
    arguments.add_argument("--recipe", default="shipped", help="whose shares of sets weigh (%(default)s)")
    arguments.add_argument("--views", type=int, default=1, help="random views of each slice, beside the plain one (%(default)s)")
    arguments.add_argument("--size", type=int, default=SIZE)
    arguments.add_argument("--decays", type=float, nargs="+", default=DECAYS)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--arithmetic", choices=arithmetic.CHOICES, default="auto")
    arguments.add_argument("--threads", type=int, default=2)
    return arguments


if __name__ == "__main__":
    refit(parser().parse_args())

"""Train the classifier (JCS section IV-A, IV-D) for a budget of minutes or iterations.

    python -m jcs.train_classifier --iterations 1550 --pretrained ~/.cache/jcsnode/training/pretrained-last.pt
    python -m jcs.train_classifier --iterations 3000 --resume
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch import Tensor, nn

from jcs import arithmetic, augment, checkpoint, data, metrics
from jcs.losses import CellLoss, mapping_loss, mixed_label_loss
from jcs.networks.res2net import Res2Net, activation_mapping, mapping_weights
from jcs.prepare import mask_to_cells, prepare
from jcs.schedule import Budget, Interruption, Stage, options, poly, stage_at, warm_up

STAGES = (Stage(0.0, 128, 16), Stage(0.5, 160, 16), Stage(0.75, 224, 12))
RATE, WEIGHT_DECAY = 5e-4, 0.05  # AdamW from a pretrained trunk; the paper's SGD at 0.1 is for 100 epochs on four GPUs
AVERAGE_DECAY = 0.99
MIX_ALPHA = 0.5  # JCS section IV-D
MIX_SHARE = 0.5  # of the batches: mixing all of them is for runs of many epochs
CELL_WEIGHT, MAPPING_WEIGHT = 3.0, 0.3
# The served input is HU slices of a scan. The figures of covid_ct and sars_cov2 have no known grey scale, and many of their
# negatives show other pneumonias: together they get a third.
SHARE = {"seg20": 0.26, "seg20rp": 0.20, "ctmd": 0.12, "ct100": 0.06, "covid_ct": 0.28, "sars_cov2": 0.08}
FILLED_SHARE = 0.04  # slices as of the abdomen
COVID = 1
NAME = "classifier"


class Sampler:
    """Draws training samples, as many positives as negatives within each set that has both.

    A set's look must not tell the label. The same seed and iteration give the same batch.
    """

    def __init__(self, slices: list[data.Slice], seed: int, share: dict[str, float], mix_share: float = MIX_SHARE):
        self.seed, self.mix_share = seed, mix_share
        train = [s for s in slices if s.split == "train" and s.label is not None]
        self.sources = [source for source in share if any(s.source == source for s in train)]
        self.share = np.array([share[source] for source in self.sources])
        self.share /= self.share.sum()
        self.pools = {(k, label): [s for s in train if s.source == k and s.label == label] for k in self.sources for label in (0, 1)}
        self.with_lung = [s for s in train if s.lung is not None]

    def draw(self, rng: np.random.Generator) -> data.Slice:
        if self.with_lung and rng.random() < FILLED_SHARE:
            return data.with_lungs_filled(self.with_lung[rng.integers(len(self.with_lung))], rng)
        source = self.sources[rng.choice(len(self.sources), p=self.share)]
        label = int(rng.integers(2))
        # ct100 has a single clear slice: half of its share would be that one.
        pool = self.pools[source, label] if len(self.pools[source, label]) > 4 else self.pools[source, 1 - label]
        return pool[rng.integers(len(pool))]

    def views(self, iteration: int, stage: Stage) -> tuple[Tensor, Tensor, Tensor]:
        """Without labels and not mixed: input [N, 3, S, S], lesion [N, 1, S, S], whether someone drew lesions [N]."""
        rng = np.random.default_rng((self.seed, iteration))
        items = [self.draw(rng) for _ in range(stage.batch)]
        samples = [augment.sample(item, stage.size, rng) for item in items]
        known = torch.tensor([item.lesion is not None for item in items])
        return prepare(torch.stack([hu for hu, _ in samples])), torch.stack([lesion for _, lesion in samples]), known

    def batch(self, iteration: int, stage: Stage) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Mixed samples (JCS eq. 3): input [N, 3, S, S], label [N], lesion share of cells [N, S/32, S/32], its weight [N]."""
        rng = np.random.default_rng((self.seed, iteration))
        items = [self.draw(rng) for _ in range(stage.batch)]
        samples = [augment.sample(item, stage.size, rng) for item in items]
        images, lesions = torch.stack([hu for hu, _ in samples]), torch.stack([lesion for _, lesion in samples])
        labels = torch.tensor([float(item.label) for item in items])
        # Where the label is 0 no cell shows COVID-19, drawn masks or not.
        known = torch.tensor([float(item.lesion is not None or item.label == 0) for item in items])
        cells = mask_to_cells(lesions, (stage.size // 32, stage.size // 32))[:, 0]
        inputs = prepare(images)
        mixed = rng.random() < self.mix_share
        part = torch.from_numpy((rng.beta(MIX_ALPHA, MIX_ALPHA, stage.batch) if mixed else np.ones(stage.batch)).astype(np.float32))
        other = torch.from_numpy(rng.permutation(stage.batch))

        def mix(x: Tensor) -> Tensor:
            weight = part.view(-1, *[1] * (x.ndim - 1))
            return weight * x + (1 - weight) * x[other]

        # A mixed sample's cells are known if those of both parts are.
        return mix(inputs), mix(labels), mix(cells), known * known[other] if mixed else known


def validation_slices(slices: list[data.Slice], every: dict[str, int]) -> list[data.Slice]:
    """Labelled slices of the validation split, each `every`-th of a set."""
    chosen = []
    for source in SHARE:
        members = [s for s in slices if s.source == source and s.split == "val" and s.label is not None]
        chosen += members[:: every.get(source, 1)]
    return chosen


@torch.inference_mode()
def predict(network: Res2Net, hu: Tensor, precision: str) -> Tensor:
    """[N, 1, S, S] in HU -> probability of COVID-19 [N]."""
    with arithmetic.context(precision):
        logits = network(prepare(hu).contiguous(memory_format=torch.channels_last))
    return torch.softmax(logits.float(), 1)[:, COVID]


def scores(network: Res2Net, slices: list[data.Slice], size: int, precision: str) -> np.ndarray:
    views = [augment.plain(item, size)[0] for item in slices]
    return np.concatenate([predict(network, torch.stack(views[i : i + 16]), precision).numpy() for i in range(0, len(views), 16)])


def auc_by_kind(score: np.ndarray, slices: list[data.Slice]) -> dict[str, float]:
    """AUC over covid_ct, over the volumes (seg20 and seg20rp), over all, and the mean of the three."""
    label, source = np.array([s.label for s in slices]), np.array([s.source for s in slices])
    kinds = {"covid_ct": source == "covid_ct", "volumes": np.isin(source, ("seg20", "seg20rp")), "all": np.ones(len(slices), bool)}
    row = {f"auc_{kind}": metrics.auc(score[chosen], label[chosen]) for kind, chosen in kinds.items()}
    return row | {"auc": float(np.mean(list(row.values())))}


def evaluate(network: Res2Net, slices: list[data.Slice], size: int, precision: str) -> dict[str, float]:
    """`auc_by_kind`, and the mean score of clear true-HU slices."""
    score = scores(network, slices, size, precision)
    clear = np.array([s.source == "ctmd" for s in slices])
    return auc_by_kind(score, slices) | {"ctmd_negative": float(score[clear].mean())}


def train(arguments: argparse.Namespace) -> None:
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    precision = arithmetic.faster() if arguments.arithmetic == "auto" else arguments.arithmetic
    print(f"arithmetic: {precision}", flush=True)
    slices = data.load(arguments.data)
    share = {source: part for source, part in SHARE.items() if source not in arguments.without}
    sampler = Sampler(slices, arguments.seed, share, arguments.mix_share)
    held_out = validation_slices(slices, {"seg20": 3})
    folder: pathlib.Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)

    network = Res2Net(arguments.depth).to(memory_format=torch.channels_last)
    given = options(arguments)
    if arguments.pretrained:
        trunk = checkpoint.load(arguments.pretrained)
        network.load_state_dict(trunk["average"])
        given["pretrained_options"] = trunk.get("options", "")
    cell_loss = CellLoss()
    average = checkpoint.Average(network, AVERAGE_DECAY)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1] + list(cell_loss.parameters())
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}], lr=0.0)
    budget = Budget(arguments.minutes, arguments.iterations)
    best = -1.0
    last, best_path = folder / f"{NAME}-last.pt", folder / f"{NAME}-best.pt"
    if arguments.resume:
        state = checkpoint.load(last)
        network.load_state_dict(state["network"])
        cell_loss.load_state_dict(state["cell_loss"])
        average.network.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        budget.iteration, budget.seconds_before, best = state["iteration"], state["seconds"], state["best"]
    curves = checkpoint.Curves(folder / f"{NAME}.csv", arguments.resume)
    losses: list[tuple[float, float, float]] = []
    validated = time.monotonic()

    def validate(size: int) -> None:
        nonlocal best, losses
        row = {"iteration": budget.iteration, "minutes": budget.seconds / 60, "size": size, "rate": optimiser.param_groups[0]["lr"]}
        row |= dict(zip(("loss", "cell_loss", "pointing_loss"), np.mean(losses, axis=0).tolist())) | evaluate(average.network, held_out, size, precision)
        losses = []
        curves.add(row)
        print({k: round(v, 4) for k, v in row.items()}, flush=True)
        if row["auc"] > best:
            best = row["auc"]
            checkpoint.save(best_path, {"average": average.network.state_dict(), "depth": arguments.depth, **given, **row})
        checkpoint.save(
            last,
            {
                "network": network.state_dict(),
                "cell_loss": cell_loss.state_dict(),
                "average": average.network.state_dict(),
                "optimiser": optimiser.state_dict(),
                "depth": arguments.depth,
                **given,
                "iteration": budget.iteration,
                "seconds": budget.seconds,
                "best": best,
            },
        )

    interruption = Interruption()
    network.train()
    while budget.progress < 1 and not interruption.asked:
        stage = stage_at(STAGES, budget.progress)
        for group in optimiser.param_groups:
            group["lr"] = RATE * poly(budget.progress) * warm_up(budget.iteration, 30)
        images, labels, cells, known = sampler.batch(budget.iteration, stage)
        with arithmetic.context(precision):
            features = network.features(images.contiguous(memory_format=torch.channels_last))
        cell_logits = network.cell_logits(features.float())
        slice_loss = mixed_label_loss(cell_logits.mean((2, 3)), labels)
        lesion_loss = cell_loss(cell_logits[:, COVID] - cell_logits[:, 1 - COVID], cells, known)
        mapping = activation_mapping(features.float(), mapping_weights(network.fc.weight, features.shape[2] * features.shape[3], COVID))
        pointing_loss = mapping_loss(mapping, cells, known)
        optimiser.zero_grad()
        (slice_loss + CELL_WEIGHT * lesion_loss + MAPPING_WEIGHT * pointing_loss).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.update(network, budget.iteration)
        losses.append((slice_loss.item(), lesion_loss.item(), pointing_loss.item()))
        budget.iteration += 1
        if time.monotonic() - validated > 60 * arguments.validate_every:
            validate(stage.size)
            validated = time.monotonic()
    if losses:
        validate(stage_at(STAGES, budget.progress).size)


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    budget = arguments.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="training time in all, earlier parts of a resumed run included")
    budget.add_argument("--iterations", type=int, help="optimiser steps in all; makes a run repeatable")
    arguments.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the folder")
    arguments.add_argument("--pretrained", type=pathlib.Path, default=None, help="checkpoint of jcs.pretrain_classifier to start from")
    arguments.add_argument("--mix-share", type=float, default=MIX_SHARE, help="part of the batches that are mixed (%(default)s)")
    arguments.add_argument("--without", action="append", default=[], choices=list(SHARE), help="leave a set out, to test on it; repeatable")
    arguments.add_argument("--depth", type=int, default=50, choices=(50, 101))
    arguments.add_argument("--folder", type=pathlib.Path, default=data.training_folder(), help="checkpoints and curves (%(default)s)")
    arguments.add_argument("--data", type=pathlib.Path, default=None, help="folder of the training sets (JCS_DATA, or ../shared/data/train)")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--arithmetic", choices=arithmetic.CHOICES, default="auto", help="auto times both on this processor")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--validate-every", type=float, default=12.0, help="minutes between validations, each with a checkpoint")
    return arguments


if __name__ == "__main__":
    train(parser().parse_args())

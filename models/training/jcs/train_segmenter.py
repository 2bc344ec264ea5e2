"""Train the segmentation network (JCS section IV-B, IV-D) for a budget of minutes or iterations.

    python -m jcs.train_segmenter --iterations 1200
    python -m jcs.train_segmenter --iterations 2400 --resume
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch import Tensor, nn

from jcs import arithmetic, augment, checkpoint, data, metrics
from jcs.losses import deep_supervision
from jcs.networks.segmenter import Segmenter
from jcs.networks.unet import UNet
from jcs.networks.vgg16_imagenet import load_imagenet
from jcs.prepare import prepare
from jcs.schedule import Budget, Interruption, Stage, options, poly, stage_at, warm_up

# Multi-scale training: coarse first, since a step at 160 costs half of one at 224. Small batches, since steps are what is short.
STAGES = (Stage(0.0, 160, 4), Stage(0.6, 224, 4), Stage(0.8, 256, 4))
# Learning rates of the ImageNet encoder and of everything that starts from nothing. The paper's 2.5e-5 is for 21,000 iterations.
ENCODER_RATE, DECODER_RATE = 1e-4, 5e-4
FROZEN_BLOCKS = 2  # the first two VGG blocks keep their ImageNet weights
AVERAGE_DECAY = 0.995
SHARE = {"seg20": 0.44, "seg20rp": 0.29, "ct100": 0.23, "ctmd": 0.04}
EMPTY_SHARE = 0.15  # of the samples of a set, if it has slices without lesions
FILLED_SHARE = 0.03  # slices as of the abdomen
NAME = "segmenter"


class Sampler:
    """Draws training samples; the same seed and iteration give the same batch."""

    def __init__(self, slices: list[data.Slice], seed: int):
        self.seed = seed
        train = [s for s in slices if s.split == "train" and s.lesion is not None]
        self.sources = [source for source in SHARE if any(s.source == source for s in train)]
        self.share = np.array([SHARE[source] for source in self.sources])
        self.share /= self.share.sum()
        self.lesion = {k: [s for s in train if s.source == k and s.lesion.any()] for k in self.sources}
        self.empty = {k: [s for s in train if s.source == k and not s.lesion.any()] for k in self.sources}
        self.with_lung = [s for s in train if s.lung is not None]

    def draw(self, rng: np.random.Generator) -> data.Slice:
        if self.with_lung and rng.random() < FILLED_SHARE:
            return data.with_lungs_filled(self.with_lung[rng.integers(len(self.with_lung))], rng)
        source = self.sources[rng.choice(len(self.sources), p=self.share)]
        lesion, empty = self.lesion[source], self.empty[source]
        pool = empty if not lesion or (empty and rng.random() < EMPTY_SHARE) else lesion
        return pool[rng.integers(len(pool))]

    def batch(self, iteration: int, stage: Stage) -> tuple[Tensor, Tensor]:
        """Prepared input [N, 3, S, S] and truth [N, 1, S, S]."""
        rng = np.random.default_rng((self.seed, iteration))
        samples = [augment.sample(self.draw(rng), stage.size, rng) for _ in range(stage.batch)]
        return prepare(torch.stack([hu for hu, _ in samples])), torch.stack([lesion for _, lesion in samples])


def validation_slices(slices: list[data.Slice], per_patient: int | None) -> list[data.Slice]:
    """Slices of the validation patients with known masks, evenly thinned to `per_patient` for each patient."""
    chosen = []
    groups: dict[str, list[data.Slice]] = {}
    for item in slices:
        if item.split == "val" and item.lesion is not None:
            groups.setdefault("ct100" if item.source == "ct100" else item.patient, []).append(item)
    for members in groups.values():
        step = max(1, round(len(members) / per_patient)) if per_patient else 1
        chosen += members[::step]
    return chosen


@torch.inference_mode()
def predict(network: nn.Module, hu: Tensor, precision: str) -> Tensor:
    """[N, 1, S, S] in HU -> lesion probability [N, 1, S, S]."""
    with arithmetic.context(precision):
        logits = network(prepare(hu).contiguous(memory_format=torch.channels_last))[0]
    return torch.sigmoid(logits.float())


def evaluate(network: nn.Module, slices: list[data.Slice], size: int, precision: str, threshold: float = 0.5) -> dict[str, float]:
    """Mean Dice over slices with lesions, by set, and the share of lesion-free slices that get a mask."""
    dices: dict[str, list[float]] = {}
    marked = []
    for item in slices:
        hu, lesion = augment.plain(item, size)
        mask = (predict(network, hu[None], precision)[0] >= threshold).numpy()
        if item.lesion.any():
            dices.setdefault(item.source, []).append(metrics.dice(mask, lesion.numpy() >= 0.5))
        else:
            marked.append(bool(mask.any()))
    row = {f"dice_{source}": float(np.mean(values)) for source, values in sorted(dices.items())}
    row["dice"] = float(np.mean([row[name] for name in list(row)]))
    row["empty_marked"] = float(np.mean(marked)) if marked else float("nan")
    return row


def build(kind: str, slices: Tensor) -> nn.Module:
    """A network to train, from ImageNet where JCS starts there; prepared `slices` [N, 3, H, W] even its activations."""
    if kind == "unet":
        return UNet()
    network = Segmenter(normalise=True)
    load_imagenet(network.encoder, slices)
    network.encoder.blocks[:FROZEN_BLOCKS].requires_grad_(False)
    return network


def optimiser_for(network: nn.Module) -> torch.optim.Adam:
    convolutions = network.encoder.vgg16_convolutions() if isinstance(network, Segmenter) else []
    pretrained = {id(p) for c in convolutions for p in c.parameters()}
    groups = [
        {"params": [p for p in network.parameters() if id(p) in pretrained], "base": ENCODER_RATE},
        {"params": [p for p in network.parameters() if id(p) not in pretrained], "base": DECODER_RATE},
    ]
    return torch.optim.Adam([group for group in groups if group["params"]], lr=0.0, betas=(0.9, 0.999))


def train(arguments: argparse.Namespace) -> None:
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    precision = arithmetic.faster() if arguments.arithmetic == "auto" else arguments.arithmetic
    print(f"arithmetic: {precision}", flush=True)
    slices = data.load(arguments.data)
    sampler = Sampler(slices, arguments.seed)
    held_out = validation_slices(slices, per_patient=arguments.validate_per_patient)
    folder: pathlib.Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)

    network = build(arguments.network, sampler.batch(0, Stage(0.0, 160, 12))[0]).to(memory_format=torch.channels_last)
    average = checkpoint.Average(network, AVERAGE_DECAY)
    optimiser = optimiser_for(network)
    budget = Budget(arguments.minutes, arguments.iterations)
    best = -1.0
    last, best_path = folder / f"{NAME}-last.pt", folder / f"{NAME}-best.pt"
    if arguments.resume:
        state = checkpoint.load(last)
        network.load_state_dict(state["network"])
        average.network.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        budget.iteration, budget.seconds_before, best = state["iteration"], state["seconds"], state["best"]
    curves = checkpoint.Curves(folder / f"{NAME}.csv", arguments.resume)
    losses: list[float] = []
    validated = time.monotonic()

    def validate(size: int) -> None:
        nonlocal best, losses
        row = {"iteration": budget.iteration, "minutes": budget.seconds / 60, "size": size, "rate": optimiser.param_groups[-1]["lr"]}
        row |= {"loss": float(np.mean(losses)), **evaluate(average.network, held_out, size, precision)}
        losses = []
        curves.add(row)
        print({k: round(v, 4) for k, v in row.items()}, flush=True)
        if row["dice"] > best:
            best = row["dice"]
            checkpoint.save(best_path, {"average": average.network.state_dict(), "network": arguments.network, **options(arguments), **row})
        checkpoint.save(
            last,
            {
                "network": network.state_dict(),
                "average": average.network.state_dict(),
                "optimiser": optimiser.state_dict(),
                **options(arguments),
                "iteration": budget.iteration,
                "seconds": budget.seconds,
                "best": best,
            },
        )

    interruption = Interruption()
    network.train()
    while budget.progress < 1 and not interruption.asked:
        stage = stage_at(STAGES, budget.progress)
        rate = poly(budget.progress) * warm_up(budget.iteration, 20)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["base"]
        images, truth = sampler.batch(budget.iteration, stage)
        with arithmetic.context(precision):
            sides = network(images.contiguous(memory_format=torch.channels_last))
        loss = deep_supervision(sides, truth)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.update(network, budget.iteration)
        losses.append(loss.item())
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
    arguments.add_argument("--network", choices=("jcs", "unet"), default="jcs", help="unet: the comparison of JCS Table V (%(default)s)")
    arguments.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the folder")
    arguments.add_argument("--folder", type=pathlib.Path, default=data.training_folder(), help="checkpoints and curves (%(default)s)")
    arguments.add_argument("--data", type=pathlib.Path, default=None, help="folder of the training sets (JCS_DATA, or ../shared/data/train)")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--arithmetic", choices=arithmetic.CHOICES, default="auto", help="auto times both on this processor")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--validate-every", type=float, default=12.0, help="minutes between validations, each with a checkpoint")
    arguments.add_argument("--validate-per-patient", type=int, default=12, help="slices of each validation patient while training")
    return arguments


if __name__ == "__main__":
    train(parser().parse_args())

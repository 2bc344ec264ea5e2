"""Teach the classifier's trunk where lesions are, before it learns what a slice is called.

    python -m jcs.pretrain_classifier --minutes 15
    python -m jcs.train_classifier --minutes 60 --pretrained ~/.cache/jcsnode/training/pretrained-last.pt

Not in JCS, which starts from ImageNet; no ImageNet weights of Res2Net are to be had here. A label is one bit of a slice from one of six
sources, a lesion mask thousands of bits that have nothing to do with the source. A light pyramid on the trunk's four stages predicts the
mask; it is thrown away afterwards.
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jcs import arithmetic, checkpoint, data
from jcs.losses import deep_supervision
from jcs.networks.res2net import Res2Net
from jcs.schedule import Budget, Interruption, Stage, poly, stage_at, warm_up
from jcs.train_segmenter import Sampler, evaluate, validation_slices

STAGES = (Stage(0.0, 128, 8), Stage(0.6, 160, 8))
RATE, WEIGHT_DECAY = 1e-3, 0.05
AVERAGE_DECAY = 0.98
CHANNELS = 64
NAME = "pretrained"


class Pyramid(nn.Module):
    """Trunk and pyramid: [N, 3, S, S] -> lesion logits [N, 1, S/4, S/4], S/8, S/16, S/32, the finest first."""

    def __init__(self, trunk: Res2Net):
        super().__init__()
        self.trunk = trunk
        self.laterals = nn.ModuleList(nn.Conv2d(inputs, CHANNELS, 1) for inputs in (256, 512, 1024, 2048))
        self.smooth = nn.ModuleList(nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), nn.ReLU()) for _ in range(4))
        self.sides = nn.ModuleList(nn.Conv2d(CHANNELS, 1, 1) for _ in range(4))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = F.max_pool2d(F.relu(self.trunk.bn1(self.trunk.conv1(x))), 3, 2, 1)
        levels = []
        for stage in (self.trunk.layer1, self.trunk.layer2, self.trunk.layer3, self.trunk.layer4):
            x = stage(x)
            levels.append(x)
        sides: list[Tensor] = []
        upper: Tensor | None = None
        for level, lateral, smooth, side in zip(reversed(levels), reversed(self.laterals), reversed(self.smooth), reversed(self.sides)):
            merged = lateral(level)
            if upper is not None:
                merged = merged + F.interpolate(upper, merged.shape[2:], mode="bilinear", align_corners=False)
            upper = smooth(merged)
            sides.insert(0, side(upper))
        return sides


class Finest(nn.Module):
    """The pyramid as `train_segmenter.evaluate` calls a network: its first output at the input's size."""

    def __init__(self, pyramid: Pyramid):
        super().__init__()
        self.pyramid = pyramid

    def forward(self, x: Tensor) -> list[Tensor]:
        return [F.interpolate(self.pyramid(x)[0], x.shape[2:], mode="bilinear", align_corners=False)]


def train(arguments: argparse.Namespace) -> None:
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    precision = arithmetic.faster() if arguments.arithmetic == "auto" else arguments.arithmetic
    slices = data.load(arguments.data)
    sampler = Sampler(slices, arguments.seed)
    held_out = validation_slices(slices, per_patient=12)
    trunk = Res2Net(arguments.depth)
    if arguments.start:
        trunk.load_state_dict(checkpoint.load(arguments.start)["network"])
    network = Pyramid(trunk).to(memory_format=torch.channels_last)
    average = checkpoint.Average(network, AVERAGE_DECAY)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.0, weight_decay=WEIGHT_DECAY)
    budget = Budget(arguments.minutes, arguments.iterations)
    curves = checkpoint.Curves(arguments.folder / f"{NAME}.csv", resume=False)
    losses: list[float] = []
    validated = time.monotonic()

    def validate(size: int) -> None:
        nonlocal losses
        row = {"iteration": budget.iteration, "minutes": budget.seconds / 60, "size": size, "loss": float(np.mean(losses))}
        row |= evaluate(Finest(average.network), held_out, size, precision)
        losses = []
        curves.add(row)
        print({k: round(v, 4) for k, v in row.items()}, flush=True)
        state = {"network": network.trunk.state_dict(), "average": average.network.trunk.state_dict(), "depth": arguments.depth}
        checkpoint.save(arguments.folder / f"{NAME}-last.pt", state)

    interruption = Interruption()
    network.train()
    while budget.progress < 1 and not interruption.asked:
        stage = stage_at(STAGES, budget.progress)
        for group in optimiser.param_groups:
            group["lr"] = RATE * poly(budget.progress) * warm_up(budget.iteration, 30)
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
    budget.add_argument("--minutes", type=float)
    budget.add_argument("--iterations", type=int, help="optimiser steps; makes a run repeatable")
    arguments.add_argument("--start", type=pathlib.Path, default=None, help="checkpoint whose trunk to start from")
    arguments.add_argument("--depth", type=int, default=50, choices=(50, 101))
    arguments.add_argument("--folder", type=pathlib.Path, default=data.training_folder(), help="checkpoints and curves (%(default)s)")
    arguments.add_argument("--data", type=pathlib.Path, default=None, help="folder of the training sets (JCS_DATA, or ../shared/data/train)")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--arithmetic", choices=arithmetic.CHOICES, default="auto")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--validate-every", type=float, default=6.0, help="minutes between validations, each with a checkpoint")
    return arguments


if __name__ == "__main__":
    train(parser().parse_args())

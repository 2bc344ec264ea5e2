"""Teach the classifier's trunk to see, before it learns what a slice is called.

    python -m jcs.pretrain_classifier --iterations 500
    python -m jcs.train_classifier --iterations 1550 --pretrained ~/.cache/jcsnode/training/pretrained-last.pt

Not in JCS, which starts from ImageNet; no ImageNet weights of Res2Net are to be had here. A label is one bit of a slice from one of six
sources. Two teachers say more: a lesion mask holds thousands of bits that have nothing to do with the source, and the feature maps of
ImageNet's VGG-16 hold what a network that has seen a million photographs makes of the slice. A light pyramid on the trunk's stages
predicts the masks, one 1x1 convolution on each of three stages the features; both are thrown away afterwards.
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jcs import arithmetic, augment, checkpoint, data
from jcs.losses import deep_supervision
from jcs.networks.res2net import Res2Net
from jcs.networks.segmenter import Encoder
from jcs.networks.vgg16_imagenet import load_imagenet
from jcs.prepare import prepare
from jcs.schedule import Budget, Interruption, Stage, options, poly, warm_up
from jcs.train_classifier import Sampler
from jcs.train_segmenter import evaluate, validation_slices

STAGE = Stage(0.0, 128, 12)
SHARE = {"seg20": 0.28, "seg20rp": 0.20, "ct100": 0.14, "ctmd": 0.06, "covid_ct": 0.20, "sars_cov2": 0.12}
RATE, WEIGHT_DECAY = 1e-3, 0.05
AVERAGE_DECAY = 0.98
CHANNELS = 64
FEATURE_WEIGHT = 1.0
NAME = "pretrained"


class Pyramid(nn.Module):
    """Trunk, pyramid and the teacher's features: see `forward`."""

    def __init__(self, trunk: Res2Net):
        super().__init__()
        self.trunk = trunk
        self.laterals = nn.ModuleList(nn.Conv2d(inputs, CHANNELS, 1) for inputs in (256, 512, 1024, 2048))
        self.smooth = nn.ModuleList(nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), nn.ReLU()) for _ in range(4))
        self.sides = nn.ModuleList(nn.Conv2d(CHANNELS, 1, 1) for _ in range(4))
        self.pupils = nn.ModuleList(nn.Conv2d(inputs, 512, 1) for inputs in (512, 1024, 2048))

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """[N, 3, S, S] -> lesion logits [N, 1, S/4, S/4], S/8, S/16, S/32, and what `Teacher` gives at S/8, S/16, S/32."""
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
        return sides, [pupil(level) for pupil, level in zip(self.pupils, levels[1:])]


class Teacher:
    """VGG-16 as ImageNet left it: conv4_3, conv5_3 and the latter pooled, each channel divided by its spread."""

    def __init__(self, slices: Tensor):
        self.encoder = Encoder(normalise=False)
        load_imagenet(self.encoder, slices)
        self.encoder = self.encoder.to(memory_format=torch.channels_last).eval().requires_grad_(False)
        self.spread = [torch.ones(())] * 3
        spread = [level.std((0, 2, 3), keepdim=True) for level in self.features(slices)]
        # A channel that these slices hardly move would drown the others once it fires.
        self.spread = [level.clamp(min=0.5 * float(level.median())) for level in spread]

    @torch.inference_mode()
    def features(self, x: Tensor) -> list[Tensor]:
        levels = []
        for number, block in enumerate(self.encoder.blocks):
            x = block(F.max_pool2d(x, 2) if number else x)
            levels.append(x)
        maps = [levels[3], levels[4], F.max_pool2d(levels[4], 2)]
        return [level / spread for level, spread in zip(maps, self.spread)]


def lesson(sides: list[Tensor], pupils: list[Tensor], truth: Tensor, known: Tensor, taught: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Loss of the masks over the slices whose mask is known (bool [N]), and of the features over all."""
    masks = deep_supervision([side[known] for side in sides], truth[known]) if known.any() else torch.zeros(())
    return masks, torch.stack([F.mse_loss(pupil.float(), level.clone()) for pupil, level in zip(pupils, taught)]).sum()


class Finest(nn.Module):
    """The pyramid as `train_segmenter.evaluate` calls a network: its first output at the input's size."""

    def __init__(self, pyramid: Pyramid):
        super().__init__()
        self.pyramid = pyramid

    def forward(self, x: Tensor) -> list[Tensor]:
        return [F.interpolate(self.pyramid(x)[0][0], x.shape[2:], mode="bilinear", align_corners=False)]


def train(arguments: argparse.Namespace) -> None:
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    precision = arithmetic.faster() if arguments.arithmetic == "auto" else arguments.arithmetic
    slices = data.load(arguments.data)
    sampler = Sampler(slices, arguments.seed, {source: part for source, part in SHARE.items() if source not in arguments.without})
    held_out = validation_slices(slices, per_patient=12)
    trunk = Res2Net(arguments.depth)
    teacher = Teacher(prepare(torch.stack([augment.plain(s, STAGE.size)[0] for s in slices[::100]])))
    network = Pyramid(trunk).to(memory_format=torch.channels_last)
    average = checkpoint.Average(network, AVERAGE_DECAY)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.0, weight_decay=WEIGHT_DECAY)
    budget = Budget(arguments.minutes, arguments.iterations)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    curves = checkpoint.Curves(arguments.folder / f"{NAME}.csv", resume=False)
    losses: list[tuple[float, float]] = []
    validated = time.monotonic()

    def validate() -> None:
        nonlocal losses
        row = {"iteration": budget.iteration, "minutes": budget.seconds / 60}
        row |= dict(zip(("mask_loss", "feature_loss"), np.mean(losses, axis=0).tolist()))
        row |= evaluate(Finest(average.network), held_out, STAGE.size, precision)
        losses = []
        curves.add(row)
        print({k: round(v, 4) for k, v in row.items()}, flush=True)
        state = {"network": network.trunk.state_dict(), "average": average.network.trunk.state_dict(), "depth": arguments.depth, **options(arguments)}
        checkpoint.save(arguments.folder / f"{NAME}-last.pt", state)

    interruption = Interruption()
    network.train()
    while budget.progress < 1 and not interruption.asked:
        for group in optimiser.param_groups:
            group["lr"] = RATE * poly(budget.progress) * warm_up(budget.iteration, 30)
        images, truth, known = sampler.views(budget.iteration, STAGE)
        images = images.contiguous(memory_format=torch.channels_last)
        with arithmetic.context(precision):
            sides, pupils = network(images)
            taught = teacher.features(images)
        mask_loss, feature_loss = lesson(sides, pupils, truth, known, taught)
        optimiser.zero_grad()
        (mask_loss + FEATURE_WEIGHT * feature_loss).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.update(network, budget.iteration)
        losses.append((mask_loss.item(), feature_loss.item()))
        budget.iteration += 1
        if time.monotonic() - validated > 60 * arguments.validate_every:
            validate()
            validated = time.monotonic()
    if losses:
        validate()


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    budget = arguments.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float)
    budget.add_argument("--iterations", type=int, help="optimiser steps; makes a run repeatable")
    arguments.add_argument("--without", action="append", default=[], choices=list(SHARE), help="leave a set out, to test on it; repeatable")
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

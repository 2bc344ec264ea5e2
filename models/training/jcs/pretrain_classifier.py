"""Teach the classifier's trunk to see, before it learns what a slice is called.

    python -m jcs.pretrain_classifier
    python -m jcs.train_classifier --pretrained ~/.cache/jcsnode/training/pretrained-last.pt

Not in JCS, which starts from ImageNet; no ImageNet weights of Res2Net are to be had here. A label is one bit of a slice from one of many
sources. Two teachers say more: a lesion mask holds thousands of bits that have nothing to do with the source, and the feature maps of
ImageNet's VGG-16 hold what a network that has seen a million photographs makes of the slice. A light pyramid on the trunk's stages
predicts the masks, one 1x1 convolution on each of three stages the features; both are thrown away afterwards.
"""

import argparse

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jcs import arithmetic, augment, checkpoint, data, recipe, run
from jcs.losses import deep_supervision
from jcs.networks.res2net import Res2Net
from jcs.networks.segmenter import Encoder
from jcs.networks.vgg16_imagenet import load_imagenet
from jcs.prepare import prepare
from jcs.sampling import ClassifierSampler
from jcs.schedule import stage_at
from jcs.train_segmenter import evaluate, validation_slices

CHANNELS = 64
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

    def __init__(self, slices: Tensor, device: torch.device | None = None):
        self.encoder = Encoder(normalise=False)
        load_imagenet(self.encoder, slices)
        slices = slices.to(device)
        self.encoder = self.encoder.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
        self.spread = [slices.new_ones(())] * 3
        spread = [level.std((0, 2, 3), keepdim=True) for level in self.features(slices)]
        # A channel that these slices hardly move would drown the others once it fires. Activations are 1 in the mean.
        self.spread = [level.clamp(min=max(0.05, 0.5 * float(level.median()))) for level in spread]

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
    masks = deep_supervision([side[known] for side in sides], truth[known]) if known.any() else truth.new_zeros(())
    return masks, torch.stack([F.mse_loss(pupil.float(), level.clone()) for pupil, level in zip(pupils, taught)]).sum()


class Finest(nn.Module):
    """The pyramid as `train_segmenter.evaluate` calls a network: its first output at the input's size."""

    def __init__(self, pyramid: nn.Module):
        super().__init__()
        self.pyramid = pyramid

    def forward(self, x: Tensor) -> list[Tensor]:
        return [F.interpolate(self.pyramid(x)[0][0], x.shape[2:], mode="bilinear", align_corners=False)]


def train(arguments: argparse.Namespace) -> None:
    table = recipe.load(arguments.recipe).pretrain
    if table is None:
        raise SystemExit(f"the recipe {arguments.recipe} has no table [pretrain]: its classifier starts from random weights")
    precision = run.begin(arguments)
    slices = data.load(arguments.data)
    sampler = ClassifierSampler(slices, arguments.seed, table, arguments.without)
    held_out = validation_slices(slices, per_patient=8)
    even = slices[:: min(100, max(1, len(slices) // 20))]  # the same on every start of a run
    teacher = Teacher(prepare(torch.stack([augment.plain(s, table.stages[0].size)[0] for s in even])), arguments.device)
    network = Pyramid(Res2Net(arguments.depth)).to(arguments.device).to(memory_format=torch.channels_last)
    optimiser = run.optimiser_for([{"params": list(network.parameters()), "base": table.optimiser.rate}], table.optimiser)
    parts = run.Parts(network, checkpoint.Average(network, table.optimiser.average), optimiser)

    def step(iteration: int, progress: float) -> tuple[Tensor, dict[str, float]]:
        views = sampler.views(iteration, stage_at(table.stages, progress))
        images, truth, known = (part.to(arguments.device) for part in views)
        images = images.contiguous(memory_format=torch.channels_last)
        with arithmetic.context(precision, arguments.device):
            sides, pupils = network(images)
            taught = teacher.features(images)
        mask_loss, feature_loss = lesson(sides, pupils, truth, known, taught)
        return mask_loss + table.feature_weight * feature_loss, {"mask_loss": mask_loss.item(), "feature_loss": feature_loss.item()}

    def validate(average: nn.Module, progress: float) -> dict[str, float]:
        return evaluate(Finest(average), held_out, stage_at(table.stages, progress).size, precision)

    run.Run(NAME, arguments, table, parts, {"depth": arguments.depth}).go(step, validate, "dice")


def trunk_of(state: dict) -> dict[str, Tensor]:
    """The averaged trunk in a checkpoint of this program."""
    return {key.removeprefix("trunk."): value for key, value in state["average"].items() if key.startswith("trunk.")}


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--without", action="append", default=[], choices=data.SETS, help="leave a set out, to test on it; repeatable")
    arguments.add_argument("--depth", type=int, default=50, choices=(50, 101))
    run.add_arguments(arguments)
    return arguments


if __name__ == "__main__":
    train(parser().parse_args())

"""The two networks as the authors of JCS publish them in code: other wiring than the paper's, and the names that their checkpoints have.

Repository yuhuan-wu/JCS at fa4bb6a, the segmenter of `single_model` and the classifier of its demonstration. What differs from the paper
stands in models/training/README.md. `jcs.convert` reads the checkpoints.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from jcs.networks.res2net import Res2Net
from jcs.networks.segmenter import CHANNELS, RATES, VGG16, SqueezeExcitation


class FrozenNormalisation(nn.Module):
    """Batch normalisation whose four tensors are fixed, [channels] each; `epsilon` is 0 in the published code, 1e-5 in the usual one."""

    def __init__(self, channels: int):
        super().__init__()
        self.epsilon = 0.0
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        scale = self.weight * torch.rsqrt(self.running_var + self.epsilon)
        return scale, self.bias - self.running_mean * scale

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = self.scale_and_shift()
        return x * scale[:, None, None] + shift[:, None, None]


class Convolution(nn.Module):
    """`conv`, frozen normalisation `bn` if asked for, ReLU; keeps the size."""

    def __init__(self, inputs: int, outputs: int, size: int, normalise: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, padding=size // 2)
        self.bn = FrozenNormalisation(outputs) if normalise else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Encoder(nn.Module):
    """VGG-16, `convB_C`: [N, 3, H, W] -> the last map of each block.

    Block 5 reads block 4 as it is, at stride 8. With `pool4` it reads it pooled, at stride 16, as in the paper.
    """

    def __init__(self, pool4: bool):
        super().__init__()
        self.pooled_blocks = (2, 3, 4, 5) if pool4 else (2, 3, 4)
        inputs = 3
        for block, widths in enumerate(VGG16, 1):
            for number, width in enumerate(widths, 1):
                self.add_module(f"conv{block}_{number}", Convolution(inputs, width, 3, normalise=True))
                inputs = width

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for block, widths in enumerate(VGG16, 1):
            if block in self.pooled_blocks:
                x = F.max_pool2d(x, 2)
            for number in range(1, len(widths) + 1):
                x = self.get_submodule(f"conv{block}_{number}")(x)
            maps.append(x)
        return maps


class GroupedAtrousModule(nn.Module):
    """GAM: [N, C, H, W] -> [N, C, H, W]."""

    def __init__(self, channels: int, rates: tuple[int, ...]):
        super().__init__()
        self.group = group = 2 * channels // len(rates)
        self.expand_conv = Convolution(channels, 2 * channels, 1)
        self.dilation_convs = nn.ModuleList(nn.Conv2d(group, group, 3, padding=rate, dilation=rate) for rate in rates)
        self.se_block = SqueezeExcitation(2 * channels)
        self.reduce_conv = Convolution(2 * channels, channels, 1)
        self.end_conv = Convolution(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        groups = torch.split(self.expand_conv(x), self.group, dim=1)
        x = F.relu(torch.cat([dilated(group) for dilated, group in zip(self.dilation_convs, groups)], 1))
        return self.end_conv(self.reduce_conv(self.se_block(x)))


class Fusion(nn.Module):
    """AFF after both halves [N, C/2, H, W] were made: -> [N, C, H, W]. The hidden layer of its SE blocks has one unit."""

    def __init__(self, channels: int):
        super().__init__()
        both = channels + channels // 2
        self.se1 = SqueezeExcitation(channels, reduction=channels)
        self.conv1 = Convolution(channels, channels, 3)
        self.se2 = SqueezeExcitation(both, reduction=both)
        self.reduce_conv = Convolution(both, channels, 1)
        self.conv2 = Convolution(channels, channels, 3)

    def forward(self, lateral: Tensor, upper: Tensor) -> Tensor:
        fused = self.conv1(self.se1(torch.cat([lateral, upper], 1)))
        return self.conv2(self.reduce_conv(self.se2(torch.cat([fused, upper], 1))))


class Decoder(nn.Module):
    """M_E^1 .. M_E^6 -> M_D^1 .. M_D^5, finest first. M_E^6 goes through two convolutions of its own, the last of `inners_a` and `fuse`."""

    def __init__(self):
        super().__init__()
        pairs = list(zip(CHANNELS, CHANNELS[1:]))
        self.inners_a = nn.ModuleList(Convolution(channels, channels // 2, 1) for channels, _ in pairs)
        self.inners_a.append(Convolution(CHANNELS[-1], CHANNELS[-1], 1))
        self.inners_b = nn.ModuleList(Convolution(upper, channels // 2, 1) for channels, upper in pairs)
        self.fuse = nn.ModuleList(Fusion(channels) for channels, _ in pairs)
        self.fuse.append(Convolution(CHANNELS[-1], CHANNELS[-1], 3))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        decoded = self.fuse[-1](self.inners_a[-1](maps[-1]))
        results = []
        for level in reversed(range(len(maps) - 1)):
            size = maps[level].shape[2:]
            upper = F.interpolate(self.inners_b[level](decoded), size=size, mode="bilinear", align_corners=False)
            decoded = self.fuse[level](self.inners_a[level](maps[level]), upper)
            results.append(decoded)
        return results[::-1]


class PublishedSegmenter(nn.Module):
    """[N, 3, H, W] -> five logit maps [N, 1, h, w], finest first, at strides 1, 2, 4, 8, 8 (16 with `pool4`)."""

    def __init__(self, pool4: bool = False):
        super().__init__()
        self.vgg16 = Encoder(pool4)
        self.gpd = GroupedAtrousModule(CHANNELS[-1], RATES[0])
        self.gpd1 = GroupedAtrousModule(CHANNELS[-1], RATES[1])
        self.fpn = Decoder()
        for level, channels in enumerate(CHANNELS[:5], 1):
            self.add_module(f"cls{level}", nn.Conv2d(channels, 1, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        *maps, last = self.vgg16(x)
        enhanced = self.gpd(last)
        maps += [enhanced, self.gpd1(F.max_pool2d(enhanced, 2))]
        return [self.get_submodule(f"cls{level}")(decoded) for level, decoded in enumerate(self.fpn(maps), 1)]


def published_classifier() -> Res2Net:
    """Res2Net-101 v1b 26w4s with two outputs; its FC layer has no bias, and its normalisation adds no epsilon."""
    network = Res2Net(101)
    network.fc = nn.Linear(network.fc.in_features, network.fc.out_features, bias=False)
    set_epsilon(network, 0.0)
    return network


def set_epsilon(network: nn.Module, epsilon: float) -> None:
    """What each normalisation adds to its variance."""
    for module in network.modules():
        if isinstance(module, FrozenNormalisation):
            module.epsilon = epsilon
        elif isinstance(module, nn.BatchNorm2d):
            module.eps = epsilon


@torch.no_grad()
def fold_frozen_normalisation(network: nn.Module) -> None:
    """Fold each frozen normalisation into the convolution before it, in place."""
    for module in network.modules():
        if isinstance(module, Convolution) and isinstance(module.bn, FrozenNormalisation):
            scale, shift = module.bn.scale_and_shift()
            module.conv.weight.mul_(scale[:, None, None, None])
            module.conv.bias.mul_(scale).add_(shift)
            module.bn = nn.Identity()


def gradient_mapping(features: Tensor, fc_weight: Tensor) -> Tensor:
    """Grad-CAM as the published demonstration computes it, ReLU(sum_k w_k X^k) with w the gradient of the COVID-19 logit alone.

    Features [N, C, h, w], fc_weight [2, C] -> [N, h, w]. Neither JCS eq. 2 nor what the probability follows.
    """
    weights = fc_weight[1] / (features.shape[2] * features.shape[3])
    return F.relu(F.conv2d(features, weights[None, :, None, None])).squeeze(1)

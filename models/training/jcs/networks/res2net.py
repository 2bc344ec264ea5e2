"""Res2Net v1b, the classifier of JCS section IV-A, and its activation mapping.

A bottleneck's 3x3 convolution is replaced by `scales` groups of `width` channels in which each group but
the first-of-a-stage also sees the result of the group before it (Res2Net). v1b: a stem of three 3x3
convolutions, and average pooling before the 1x1 convolution of a strided shortcut.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
EXPANSION = 4


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)


class Bottle2neck(nn.Module):
    """1x1 to `scales` x `width` channels, a chain of 3x3 over the groups, 1x1 to 4 x `planes`, plus the shortcut.

    [N, inputs, H, W] -> [N, 4 planes, H/stride, W/stride]. The last group is passed on unchanged; in the
    first block of a stage it is average-pooled and the groups do not see each other.
    """

    def __init__(self, inputs: int, planes: int, stride: int, first: bool, base_width: int = 26, scales: int = 4):
        super().__init__()
        self.width = width = planes * base_width // 64
        self.first = first
        self.conv1 = convolution(inputs, width * scales, 1)
        self.bn1 = nn.BatchNorm2d(width * scales)
        self.convs = nn.ModuleList(convolution(width, width, 3, stride) for _ in range(scales - 1))
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(scales - 1))
        self.pool = nn.AvgPool2d(3, stride, 1) if first else nn.Identity()
        self.conv3 = convolution(width * scales, planes * EXPANSION, 1)
        self.bn3 = nn.BatchNorm2d(planes * EXPANSION)
        self.downsample = (
            nn.Sequential(
                nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity(),
                convolution(inputs, planes * EXPANSION, 1),
                nn.BatchNorm2d(planes * EXPANSION),
            )
            if first
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        groups = torch.split(F.relu(self.bn1(self.conv1(x))), self.width, dim=1)
        results: list[Tensor] = []
        for group, conv, bn in zip(groups, self.convs, self.bns):
            if results and not self.first:
                group = group + results[-1]
            results.append(F.relu(bn(conv(group))))
        results.append(self.pool(groups[-1]))
        return F.relu(self.bn3(self.conv3(torch.cat(results, 1))) + self.downsample(x))


class Res2Net(nn.Module):
    """Res2Net v1b 26w x 4s. [N, 3, H, W] -> logits [N, classes]; class 1 is COVID-19."""

    def __init__(self, depth: int = 50, classes: int = 2):
        super().__init__()
        self.conv1 = nn.Sequential(
            convolution(3, 32, 3, 2),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            convolution(32, 32, 3),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            convolution(32, 64, 3),
        )
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for stage, blocks in enumerate(BLOCKS[depth]):
            planes, layer = 64 << stage, nn.Sequential()
            for block in range(blocks):
                layer.append(Bottle2neck(inputs, planes, 2 if block == 0 and stage > 0 else 1, block == 0))
                inputs = planes * EXPANSION
            self.add_module(f"layer{stage + 1}", layer)
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if isinstance(module, Bottle2neck):
                # Each residual branch starts at zero, so a deep network from scratch starts as a shallow one.
                nn.init.zeros_(module.bn3.weight)

    def features(self, x: Tensor) -> Tensor:
        """X of JCS eq. 1: the feature map before global average pooling, [N, 2048, ceil(H/32), ceil(W/32)], >= 0."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean((2, 3)))

    def cell_logits(self, features: Tensor) -> Tensor:
        """The FC layer applied to each position: [N, C, h, w] -> [N, classes, h, w]; its mean is `forward`."""
        return F.conv2d(features, self.fc.weight[:, :, None, None], self.fc.bias)


def mapping_weights(fc_weight: Tensor, positions: int, covid: int = 1) -> Tensor:
    """w_k of JCS eq. 1 for the probability of COVID-19, less its factor P (1 - P): [2, C] -> [C].

    The softmax depends on the difference of the two logits alone, which is a mean over `positions` = H W values of each channel followed
    by a linear layer. So the gradient is the same at every position, and eq. 1 needs no backward pass. P (1 - P) is one positive number
    for a slice; it would only darken the maps of slices that the network is sure of.
    """
    return (fc_weight[covid] - fc_weight[1 - covid]) / positions


def activation_mapping(features: Tensor, fc_weight: Tensor) -> Tensor:
    """JCS eq. 1 and 2, AM = sum_k ReLU(w_k X^k): features [N, C, h, w], fc_weight [2, C] -> [N, h, w].

    X is not negative (it comes out of a ReLU), so the ReLU moves into the weights and the sum is one 1x1 convolution.
    """
    weights = mapping_weights(fc_weight, features.shape[2] * features.shape[3])
    return F.conv2d(features, weights.clamp(min=0)[None, :, None, None]).squeeze(1)

"""The segmentation network of JCS section IV-B: VGG-16, EFM of two GAMs, decoder of AFFs, five side outputs.

Where the text leaves the width open, each AFF gives C_i channels (its second 3x3 takes 1.5 C_i): 42,693,693 parameters.
The paper has no normalisation. Training a fresh decoder in a short time needs it, so the decoder's convolutions
can carry batch normalisation; `fold_normalisation` turns the trained network into the paper's own.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Channels of M_E^1 .. M_E^6 (JCS section IV-B1), at strides 1, 2, 4, 8, 16, 32.
CHANNELS = (64, 128, 256, 512, 512, 512)
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
RATES = ((1, 3, 6, 9), (1, 2, 3, 4))
STRIDE = 32


class Convolution(nn.Sequential):
    """Convolution, optional batch normalisation, ReLU; keeps the size."""

    def __init__(self, inputs: int, outputs: int, size: int, rate: int = 1, normalise: bool = False):
        super().__init__(nn.Conv2d(inputs, outputs, size, padding=size // 2 * rate, dilation=rate))
        if normalise:
            # Small batches: statistics that follow quickly.
            self.append(nn.BatchNorm2d(outputs, momentum=0.1))
        self.append(nn.ReLU())
        nn.init.kaiming_normal_(self[0].weight, nonlinearity="relu")
        nn.init.zeros_(self[0].bias)


class SqueezeExcitation(nn.Module):
    """Each channel times a factor in 0..1 from two linear layers over the channel means; reduction 4."""

    def __init__(self, channels: int, reduction: int = 4):
        super().__init__()
        self.linear1 = nn.Linear(channels, channels // reduction)
        self.linear2 = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        factor = torch.sigmoid(self.linear2(F.relu(self.linear1(x.mean((2, 3))))))
        return x * factor[:, :, None, None]


class GroupedAtrousModule(nn.Module):
    """GAM, JCS fig. 7a: [N, C, H, W] -> [N, C, H, W]."""

    def __init__(self, channels: int, rates: tuple[int, ...], normalise: bool):
        super().__init__()
        self.group = group = 2 * channels // len(rates)
        self.expand = Convolution(channels, 2 * channels, 1, normalise=normalise)
        self.atrous = nn.ModuleList(Convolution(group, group, 3, rate, normalise) for rate in rates)
        self.excite = SqueezeExcitation(2 * channels)
        self.reduce = Convolution(2 * channels, channels, 1, normalise=normalise)
        self.transition = Convolution(channels, channels, 3, normalise=normalise)

    def forward(self, x: Tensor) -> Tensor:
        groups = torch.split(self.expand(x), self.group, dim=1)
        x = torch.cat([atrous(group) for atrous, group in zip(self.atrous, groups)], 1)
        return self.transition(self.reduce(self.excite(x)))


class Encoder(nn.Module):
    """VGG-16 and EFM: [N, 3, H, W] -> M_E^1 .. M_E^6. H and W are multiples of 32."""

    def __init__(self, normalise: bool):
        super().__init__()
        self.blocks = nn.ModuleList()
        inputs = 3
        for widths in VGG16:
            block = nn.Sequential()
            for width in widths:
                block.append(Convolution(inputs, width, 3))
                inputs = width
            self.blocks.append(block)
        self.enhance = nn.ModuleList(GroupedAtrousModule(inputs, rates, normalise) for rates in RATES)

    def vgg16_convolutions(self) -> list[nn.Conv2d]:
        return [convolution[0] for block in self.blocks for convolution in block]

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for number, block in enumerate(self.blocks):
            x = block(F.max_pool2d(x, 2) if number else x)
            maps.append(x)
        maps[-1] = self.enhance[0](maps[-1])
        maps.append(self.enhance[1](F.max_pool2d(maps[-1], 2)))
        return maps


class AttentiveFeatureFusion(nn.Module):
    """AFF, JCS fig. 7b: M_E^i [N, C_i, H, W] and M_D^(i+1) [N, C_(i+1), H/2, W/2] -> M_D^i [N, C_i, H, W]."""

    def __init__(self, channels: int, upper: int, normalise: bool):
        super().__init__()
        half = channels // 2
        self.lateral = Convolution(channels, half, 1, normalise=normalise)
        self.upper = Convolution(upper, half, 1, normalise=normalise)
        self.excite1 = SqueezeExcitation(channels)
        self.transition1 = Convolution(channels, channels, 3, normalise=normalise)
        self.excite2 = SqueezeExcitation(channels + half)
        self.transition2 = Convolution(channels + half, channels, 3, normalise=normalise)

    def forward(self, lateral: Tensor, upper: Tensor) -> Tensor:
        upper = F.interpolate(self.upper(upper), scale_factor=2.0, mode="bilinear", align_corners=False)
        fused = self.transition1(self.excite1(torch.cat([self.lateral(lateral), upper], 1)))
        return self.transition2(self.excite2(torch.cat([fused, upper], 1)))


class Segmenter(nn.Module):
    """[N, 3, H, W] -> five logit maps [N, 1, H/2^k, W/2^k], finest first. H and W are multiples of 32."""

    def __init__(self, normalise: bool = True):
        super().__init__()
        self.encoder = Encoder(normalise)
        self.fusions = nn.ModuleList(AttentiveFeatureFusion(c, upper, normalise) for c, upper in zip(CHANNELS, CHANNELS[1:]))
        self.sides = nn.ModuleList(nn.Conv2d(c, 1, 1) for c in CHANNELS[:5])

    def forward(self, x: Tensor) -> list[Tensor]:
        *laterals, decoded = self.encoder(x)
        sides = []
        for lateral, fusion, side in zip(reversed(laterals), reversed(self.fusions), reversed(self.sides)):
            decoded = fusion(lateral, decoded)
            sides.append(side(decoded))
        return sides[::-1]


def fold_normalisation(network: nn.Module) -> None:
    """Fold each batch normalisation into the convolution before it, in place, for inference."""
    for module in network.modules():
        if isinstance(module, Convolution) and isinstance(module[1], nn.BatchNorm2d):
            folded = nn.utils.fuse_conv_bn_eval(module[0].eval(), module[1].eval())
            module[0] = folded
            del module[1]

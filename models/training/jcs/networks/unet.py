"""U-Net (Ronneberger et al. 2015), the comparison of JCS Table V: not served.

Padded convolutions and batch normalisation as is usual today, so that input and output have one size.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEVELS = 5


def double(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch normalisation and ReLU."""
    layers: list[nn.Module] = []
    for before in (inputs, outputs):
        layers += [nn.Conv2d(before, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """[N, 3, H, W] -> one logit map [N, 1, H, W] in a list, as `Segmenter` gives five. H and W are multiples of 16.

    `width` channels at the finest level, doubled at each of the four below; the paper has 64.
    """

    def __init__(self, width: int = 64):
        super().__init__()
        widths = [width << level for level in range(LEVELS)]
        self.down = nn.ModuleList(double(inputs, outputs) for inputs, outputs in zip([3, *widths], widths))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * outputs, outputs, 2, 2) for outputs in widths[:-1])
        self.merge = nn.ModuleList(double(2 * outputs, outputs) for outputs in widths[:-1])
        self.side = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        levels: list[Tensor] = []
        for number, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if number else x)
            levels.append(x)
        for level, up, merge in zip(reversed(levels[:-1]), reversed(self.up), reversed(self.merge)):
            x = merge(torch.cat([level, up(x)], 1))
        return [self.side(x)]

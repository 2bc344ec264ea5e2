"""From Hounsfield units to what the published networks were trained on: 8-bit pictures with the mean and spread of ImageNet.

The pictures' window is not published; `WINDOW` of `jcs.prepare` is ours. Operations that ONNX has, as in `jcs.frame`.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from jcs.frame import lung_frame, resample

IMAGENET_MEAN, IMAGENET_SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # red, green, blue, of 0..1
WHITE = 255
RESIZED, CROPPED = 256, 224  # the classifier's picture: its shorter side, then the square in its middle


def sides(hu: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of [N, 1, H, W], [N] each."""
    zero = torch.zeros_like(hu[:, 0, 0, 0])
    return zero + hu.shape[2], zero + hu.shape[3]


def whole_slice(hu: Tensor) -> Tensor:
    """Box [N, 4] (left, top, width, height) of the whole slice, which becomes a square whatever its sides are."""
    rows, columns = sides(hu)
    return torch.stack([torch.zeros_like(rows), torch.zeros_like(rows), columns, rows], 1)


def centre_crop(hu: Tensor) -> Tensor:
    """Box [N, 4] of what is left after the shorter side was made `RESIZED` and the middle `CROPPED` square was cut out.

    The resized sides and the square's corner are whole pixels, rounded as torchvision does.
    """
    rows, columns = sides(hu)
    shorter = torch.minimum(rows, columns)
    high, wide = torch.floor(RESIZED * rows / shorter), torch.floor(RESIZED * columns / shorter)
    top, left = torch.round((high - CROPPED) / 2), torch.round((wide - CROPPED) / 2)
    down, across = rows / high, columns / wide
    return torch.stack([left * across, top * down, CROPPED * across, CROPPED * down], 1)


# What the networks see of a slice.
FRAMES: dict[str, Callable[[Tensor], Tensor]] = {"slice": whole_slice, "crop": centre_crop, "lungs": lung_frame}


class PublishedPreparation(nn.Module):
    """`hu` [N, 1, H, W] -> `prepared` [N, 3, size, size] and `frame` [N, 4], in the place of `jcs.graph.Preparation`.

    With `eight_bit` grey levels are rounded to 0..255 at the slice's size, and not again after resizing.
    """

    def __init__(self, size: int, frame: str, window: tuple[float, float], eight_bit: bool):
        super().__init__()
        self.size, self.frame, self.window, self.eight_bit = size, FRAMES[frame], window, eight_bit
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None])
        self.register_buffer("spread", torch.tensor(IMAGENET_SPREAD)[:, None, None])

    def forward(self, hu: Tensor) -> tuple[Tensor, Tensor]:
        low, high = self.window
        # In this order whole Hounsfield units and the middles between grey levels are exact, so every runtime rounds alike.
        grey = (hu.clamp(low, high) - low) * WHITE / (high - low)
        if self.eight_bit:
            grey = torch.round(grey)
        frame = self.frame(hu)
        picture = resample(grey, frame, (self.size, self.size), 0.0) / WHITE
        return (picture - self.mean) / self.spread, frame

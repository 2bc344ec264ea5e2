"""From Hounsfield units to the networks' input: one window for every data set and for the served graph."""

from torch import Tensor
from torch.nn import functional as F

WINDOW = (-1350.0, 150.0)  # HU, the lung window of the published slices
GREY_CENTRE, GREY_SPREAD = 0.5, 0.25  # z = (grey - centre) / spread
AIR = -1024.0  # HU, what lies outside an image


def prepare(hu: Tensor) -> Tensor:
    """[N, 1, H, W] in HU -> [N, 3, H, W]: clipped to the window, grey 0..1, centred, the same on each channel."""
    low, high = WINDOW
    grey = (hu.clamp(low, high) - low) / (high - low)
    return ((grey - GREY_CENTRE) / GREY_SPREAD).expand(-1, 3, -1, -1)


def mask_to_cells(mask: Tensor, cells: tuple[int, int]) -> Tensor:
    """Share of each cell that a mask covers: [N, 1, H, W] -> [N, 1, *cells]."""
    return F.adaptive_avg_pool2d(mask, cells)

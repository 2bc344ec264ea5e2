"""The part of a slice that the networks see: a rectangle around both lungs, found on the slice itself.

Scans differ in field of view, and published slices are often cropped to the lungs. With one rule for all of them a network sees the
lungs at one scale, and no table, arms or bowel far below them. The rule is part of the served graph, so that whoever calls it may give
any slice. Everything here is written in operations that ONNX has.
"""

import torch
from torch import Tensor

from jcs.prepare import AIR

GRID = 64  # cells per side on which the lungs are looked for
BODY = -400.0  # HU, mean of a cell; below it is air or lung
FEWEST = 2  # cells of a row or column that make it part of a box
NARROWEST = 0.5  # lungs narrower than this share of the body are an apex, a base or bowel: the body is shown instead
MARGIN = 0.08  # of the lungs' width and height on each side
BACK_MARGIN = 0.20  # below them, since consolidation lies at the back and is not dark


def axis_weights(start: Tensor, length: Tensor, size: int | Tensor, pixels: int | Tensor) -> Tensor:
    """Rows of a linear resampling of `pixels` samples to `size` over [start, start + length): [N, size, pixels].

    Shrinking averages (a triangle as wide as the step), enlarging interpolates. Each row sums to 1 over the samples there are;
    rows whose centre lies outside all of them are 0.
    """
    step = (length / size)[:, None, None]
    centre = start[:, None, None] + (torch.arange(size, dtype=torch.float32)[None, :, None] + 0.5) * step - 0.5
    distance = (torch.arange(pixels, dtype=torch.float32)[None, None, :] - centre).abs()
    weights = (1 - distance / step.clamp(min=1)).clamp(min=0)
    inside = ((centre >= -0.5) & (centre <= pixels - 0.5)).to(torch.float32)
    return inside * weights / weights.sum(2, keepdim=True).clamp(min=1e-3)


def resample(image: Tensor, box: Tensor, size: tuple[int, int], fill: float) -> Tensor:
    """The rectangle box [N, 4] (left, top, width, height in pixels) of image [N, 1, H, W] as [N, 1, *size]; `fill` outside."""
    rows, columns = image.shape[2], image.shape[3]
    down = axis_weights(box[:, 1], box[:, 3], size[0], rows)
    across = axis_weights(box[:, 0], box[:, 2], size[1], columns)
    return (down @ (image[:, 0] - fill) @ across.transpose(1, 2)).unsqueeze(1) + fill


def put_back(values: Tensor, box: Tensor, rows: int | Tensor, columns: int | Tensor, grid: tuple[int | Tensor, int | Tensor]) -> Tensor:
    """Undo `resample`: values [N, 1, h, w] over the box of a slice of rows x columns, on a grid over the whole slice; 0 outside the box."""
    # In cells of `values`, the slice begins at -top * h / height and is rows * h / height long.
    cells_down, cells_across = values.shape[2] / box[:, 3], values.shape[3] / box[:, 2]
    down = axis_weights(-box[:, 1] * cells_down, rows * cells_down, grid[0], values.shape[2])
    across = axis_weights(-box[:, 0] * cells_across, columns * cells_across, grid[1], values.shape[3])
    return (down @ values[:, 0] @ across.transpose(1, 2)).unsqueeze(1)


def extent(cells: Tensor) -> tuple[Tensor, Tensor]:
    """First index and one past the last of the `FEWEST`-cell-deep part along the last axis of a profile [N, GRID]; (GRID, 0) if none."""
    index = torch.arange(GRID, dtype=torch.float32)[None]
    there = (cells >= FEWEST).to(torch.float32)
    return (index + GRID * (1 - there)).amin(1), ((index + 1) * there).amax(1)


def lung_frame(hu: Tensor) -> Tensor:
    """[N, 1, H, W] in HU -> box [N, 4]: left, top, width, height in pixels, within the slice.

    Lungs are cells darker than tissue with tissue on all four sides. The box spans them with a margin; where they do not span half of
    the body's width it spans the body, and where there is no body the whole slice.
    """
    zero = torch.zeros_like(hu[:, 0, 0, 0])
    whole = torch.stack([zero, zero, zero + hu.shape[3], zero + hu.shape[2]], 1)
    cells = resample(hu.clamp(AIR, 300.0), whole, (GRID, GRID), AIR)[:, 0]
    body = (cells > BODY).to(torch.float32)
    enclosed = 1 - body
    for axis in (1, 2):
        before = torch.cumsum(body, axis)
        after = body.sum(axis, keepdim=True) - before
        enclosed = enclosed * (before >= FEWEST).to(torch.float32) * (after >= FEWEST).to(torch.float32)
    body_left, body_right = extent(body.sum(1))
    body_top, body_bottom = extent(body.sum(2))
    left, right = extent(enclosed.sum(1))
    top, bottom = extent(enclosed.sum(2))
    width, height = right - left, bottom - top
    lungs = torch.stack([left - MARGIN * width, top - MARGIN * height, right + MARGIN * width, bottom + BACK_MARGIN * height], 1)
    outline = torch.stack([body_left - 1, body_top - 1, body_right + 1, body_bottom + 1], 1)
    everything = torch.stack([zero, zero, zero + GRID, zero + GRID], 1)
    wide = (width >= NARROWEST * (body_right - body_left))[:, None]
    there = (body_right > body_left)[:, None] & (body_bottom > body_top)[:, None]
    edges = torch.where(there, torch.where(wide, lungs, outline), everything).clamp(0.0, float(GRID))
    scale = whole[:, 2:] / GRID
    return torch.cat([edges[:, :2] * scale, (edges[:, 2:] - edges[:, :2]) * scale], 1)

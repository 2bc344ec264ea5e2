"""Look-matched tests: slices redrawn as another set publishes its own, so that a classifier cannot win by the set's look.

A set of one label is told from others by its pixel size, window and coding alone. With the positives redrawn in its look, or the
negatives in theirs, or both in what is common to both, what is left is what the slices show.
"""

import dataclasses

import numpy as np
import torch

from jcs.data import Slice, frame_of
from jcs.frame import resample
from jcs.prepare import AIR, WINDOW
from jcs.scanner import coded

CROP_MARGIN = 0.02  # of the frame, where a set is cut to the lungs


@dataclasses.dataclass(frozen=True)
class Look:
    """How a set shows lungs."""

    frame: float  # pixels across the frame of the lungs, median
    window: tuple[float, float]  # HU of grey 0 and 255
    quality: int | None  # of JPEG; None is lossless
    cropped: bool  # to the lungs


# Window, coding and cropping as the README beside the data says; `seg20` scales each slice from air to its brightest bone.
KNOWN = {
    "seg20": ((-1024.0, 1500.0), 90, True),
    "seg20rp": ((-1350.0, 150.0), 95, False),
    "ct100": ((-1350.0, 150.0), 95, False),
    "luna": ((-1000.0, 400.0), 92, False),
    "pneu": ((-1200.0, 0.0), 95, False),
    "iqoth": ((-1250.0, 249.0), 95, False),
    "emph": ((-1098.0, 296.0), 92, False),
    "tcga": ((-1024.0, 506.0), None, False),
    "ctmd": ((-1024.0, 506.0), None, False),
}
SCAN = ((-1024.0, 3071.0), None, False)  # a study in DICOM


def look_of(source: str, slices: list[Slice]) -> Look:
    window, quality, cropped = KNOWN.get(source, SCAN)
    return Look(float(np.median([s.frame[2] for s in slices if s.source == source])), window, quality, cropped)


def common(one: Look, other: Look) -> Look:
    """The poorer of two looks in everything."""
    qualities = [q for q in (one.quality, other.quality) if q is not None]
    window = (max(one.window[0], other.window[0]), min(one.window[1], other.window[1]))
    return Look(min(one.frame, other.frame), window, min(qualities, default=None), one.cropped or other.cropped)


def redrawn(item: Slice, look: Look) -> Slice:
    """The slice as a set of this look would publish it. Detail is lost where the look is coarser, and never found.

    `hu`, `lesion` and `frame` are those of the new grid; the lung mask is dropped.
    """
    rows, columns = item.hu.shape
    left, top, width, height = item.frame
    box = (0.0, 0.0, float(columns), float(rows))
    if look.cropped:
        across, down = CROP_MARGIN * width, CROP_MARGIN * height
        box = (left - across, top - down, width + 2 * across, height + 2 * down)
    factor = min(1.0, look.frame / width)
    size = (max(2, round(box[3] * factor)), max(2, round(box[2] * factor)))

    def on_grid(values: np.ndarray, fill: float) -> torch.Tensor:
        return resample(torch.from_numpy(values.astype(np.float32))[None, None], torch.tensor([box]), size, fill)[0]

    hu = on_grid(item.hu.clip(*WINDOW), AIR).clamp(*look.window)
    if look.quality:
        hu = coded(hu, look.window, look.quality)
    hu_new = hu[0].round().numpy().astype(np.int16)
    lesion = None if item.lesion is None else on_grid(item.lesion, 0.0)[0].numpy() > 0.5
    return dataclasses.replace(item, hu=hu_new, lesion=lesion, lung=None, frame=frame_of(hu_new))

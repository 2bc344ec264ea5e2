"""Whether the segmenter's probabilities are what they say: of pixels, by set. The classifier's are in `jcs.examine`."""

import numpy as np

from jcs import data, metrics

EACH = 2  # every second pixel of every second row: neighbours say the same


def inside(item: data.Slice) -> tuple[slice, slice]:
    """Rows and columns of the frame around the lungs; beyond it the answer is always 0."""
    left, top, width, height = (round(edge) for edge in item.frame)
    return slice(max(0, top), top + height, EACH), slice(max(0, left), left + width, EACH)


def of_pixels(slices: list[data.Slice], probability: list[np.ndarray]) -> dict[str, dict]:
    """By set: pixels looked at, expected calibration error, and the rows of `metrics.reliability` with pixels for slices."""
    found = {}
    for source in sorted({s.source for s in slices}):
        pairs = [(p[inside(s)].ravel(), s.lesions[inside(s)].ravel()) for s, p in zip(slices, probability) if s.source == source]
        said, truth = (np.concatenate(parts) for parts in zip(*pairs))
        found[source] = {
            "pixels": len(said),
            "error": metrics.expected_calibration_error(said, truth),
            "rows": metrics.reliability(said, truth),
        }
    return found

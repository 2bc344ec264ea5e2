"""The pictures of the model card."""

import pathlib
from collections.abc import Sequence

import matplotlib
import numpy as np

from jcs import metrics

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


def save(figure: pyplot.Figure, path: pathlib.Path, dpi: int = 100) -> None:
    """The same figure gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    metadata = {"Software": None} if path.suffix == ".png" else None
    figure.savefig(path, dpi=dpi, metadata=metadata, pil_kwargs=None if metadata else {"quality": 80})
    pyplot.close(figure)


def roc(path: pathlib.Path, curves: dict[str, tuple[np.ndarray, np.ndarray]], threshold: float) -> None:
    """`curves`: name -> score [n], label [n]; the dot is the operating point."""
    figure, axis = pyplot.subplots(figsize=(5.2, 5))
    axis.plot([0, 1], [0, 1], color="0.8", linewidth=1)
    for name, (score, label) in curves.items():
        (line,) = axis.plot(*metrics.roc(score, label), label=f"{name} (AUC {metrics.auc(score, label):.3f})")
        sensitivity, specificity = metrics.sensitivity_specificity(score, label, threshold)
        axis.plot(1 - specificity, sensitivity, "o", color=line.get_color())
    axis.set_xlabel("1 - specificity")
    axis.set_ylabel("sensitivity")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right", fontsize=8)
    save(figure, path)


def dice_spread(path: pathlib.Path, judged: Sequence[dict], by_regions: Sequence[tuple[str, np.ndarray]]) -> None:
    """JCS Fig. 10: Dice over the lesions' area, and its distribution over their number."""
    lesions = [j for j in judged if j["drawn"]]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    for name in sorted({j["set"] for j in lesions}):
        members = [j for j in lesions if j["set"] == name]
        left.scatter([100 * j["frame_share"] for j in members], [j["dice"] for j in members], s=12, alpha=0.6, label=name)
    left.set_xscale("log")
    left.xaxis.set_major_formatter("{x:g}")
    left.set_xlabel("lesion area, % of the frame around the lungs")
    left.set_ylabel("Dice")
    left.set_ylim(-0.02, 1.02)
    left.grid(alpha=0.3)
    left.legend(fontsize=8)
    filled = [(name, values) for name, values in by_regions if len(values)]
    right.boxplot([values for _, values in filled], tick_labels=[f"{name}\n({len(values)})" for name, values in filled], showfliers=True)
    right.set_xlabel("lesions in the slice (slices)")
    right.set_ylim(-0.02, 1.02)
    right.grid(alpha=0.3, axis="y")
    save(figure, path)


def activation_examples(path: pathlib.Path, examples: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]]) -> None:
    """Title, HU, drawn lesion and map over the slice of each example: the slice with the lesion's outline, and the map on it."""
    figure, axes = pyplot.subplots(2, len(examples), figsize=(2.9 * len(examples), 4.9), squeeze=False)
    for column, (title, hu, lesion, values) in enumerate(examples):
        for axis in axes[:, column]:
            axis.imshow(hu, cmap="gray", vmin=-1350, vmax=150)
            axis.contour(lesion, levels=[0.5], colors="yellow", linewidths=0.8)
            axis.axis("off")
        axes[1, column].imshow(values, cmap="jet", alpha=0.45, vmin=0, vmax=max(float(values.max()), 1e-6))
        axes[0, column].set_title(title, fontsize=8)
    save(figure, path, dpi=72)


def sheet(path: pathlib.Path, pictures: Sequence[tuple[str, np.ndarray, np.ndarray | None, np.ndarray | None]]) -> None:
    """Title, HU, drawn lesion (yellow) and marked mask (red) of each; either may be unknown. Rows of five, numbered."""
    rows = -(-len(pictures) // 5)
    figure, axes = pyplot.subplots(max(1, rows), 5, figsize=(10, 2.25 * max(1, rows)), squeeze=False)
    for axis in axes.ravel():
        axis.axis("off")
    for number, (axis, (title, hu, lesion, marked)) in enumerate(zip(axes.ravel(), pictures), 1):
        axis.imshow(hu, cmap="gray", vmin=-1350, vmax=150)
        for mask, colour in ((lesion, "yellow"), (marked, "red")):
            if mask is not None and mask.any() and not mask.all():
                axis.contour(mask, levels=[0.5], colors=colour, linewidths=0.7)
        axis.set_title(f"{number}: {title}", fontsize=7)
    save(figure, path, dpi=72)

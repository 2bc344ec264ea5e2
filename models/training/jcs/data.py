"""The training slices: every set in Hounsfield units, its masks and labels, read from a cache of decoded arrays.

Sets and their columns are described by the README beside the data. Nothing here looks at studies held for judging.
"""

import ast
import csv
import dataclasses
import functools
import os
import pathlib

import numpy as np
import torch
from PIL import Image, ImageFilter

from jcs.frame import lung_frame
from jcs.networks.vgg16_imagenet import cache_folder
from jcs.prepare import WINDOW

SETS = ("seg20", "seg20rp", "ct100", "covid_ct", "sars_cov2", "ctmd")
NO_RELATION = (WINDOW[1] - WINDOW[0], WINDOW[0])  # 8-bit figures without columns: taken as the lung window
CTMD_RELATION = (6 * 255, -1024)  # HU of grey 0..1
# Smaller lesions than this share of the image are neither a positive nor a negative slice for the classifier.
SMALLEST_LESION = 0.002
CACHE_VERSION = 3


@dataclasses.dataclass(frozen=True)
class Slice:
    """One axial slice. `lesion` is None where no one has drawn masks; `label` None where the slice is too unclear to tell."""

    source: str
    file: str
    patient: str
    split: str
    label: int | None
    hu: np.ndarray  # [H, W] int16
    lesion: np.ndarray | None  # [H, W] bool
    lung: np.ndarray | None  # [H, W] bool
    frame: tuple[float, float, float, float]  # left, top, width, height of what the networks see, `jcs.frame`


def default_data_folder() -> pathlib.Path:
    """JCS_DATA, or the `shared` folder beside the repository."""
    repository = pathlib.Path(__file__).resolve().parents[3]
    return pathlib.Path(os.environ.get("JCS_DATA") or repository.parent / "shared" / "data" / "train")


def training_folder() -> pathlib.Path:
    """Checkpoints, curves and decoded slices: outside the work tree."""
    return cache_folder() / "training"


def frame_of(hu: np.ndarray) -> tuple[float, float, float, float]:
    left, top, width, height = lung_frame(torch.from_numpy(hu.astype(np.float32))[None, None])[0].tolist()
    return left, top, width, height


def read_grey(path: pathlib.Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("L"))


def relation(source: str, row: dict[str, str]) -> tuple[float, float]:
    """(slope, intercept) from grey 0..1 to HU."""
    if row.get("hu_slope"):
        return 255 * float(row["hu_slope"]), float(row["hu_intercept"])
    return CTMD_RELATION if source == "ctmd" else NO_RELATION


def slice_label(source: str, row: dict[str, str], lesion: np.ndarray | None) -> int | None:
    """1 where COVID-19 shows on the slice, 0 where not, None in between."""
    if lesion is None:
        return int(row["covid_label"] if source == "ctmd" else row["label"])
    if not lesion.any():
        return 0
    return 1 if lesion.mean() >= SMALLEST_LESION else None


def read_slice(folder: pathlib.Path, source: str, row: dict[str, str]) -> Slice:
    slope, intercept = relation(source, row)
    hu = (read_grey(folder / row["file"]) / 255 * slope + intercept).round().clip(-2000, 3000).astype(np.int16)
    drawn = row.get("lesion") is not None
    lesion = read_grey(folder / row["mask"]) > 127 if row["mask"] else np.zeros(hu.shape, bool) if drawn else None
    label = slice_label(source, row, lesion)
    if lesion is None and source == "ctmd" and label == 0 and row["diagnosis"] == "covid":
        lesion = np.zeros(hu.shape, bool)
    lung = read_grey(folder / row["lung_mask"]) > 127 if row["lung_mask"] else None
    patient = row["patient"] or f"{source}/{row['file']}"
    return Slice(source, row["file"], patient, row["split"] or "train", label, hu, lesion, lung, frame_of(hu))


def read_set(folder: pathlib.Path, source: str) -> list[Slice]:
    with open(folder / source / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [read_slice(folder / source, source, row) for row in rows if row["split"] != "exclude"]


@functools.lru_cache(maxsize=1)
def load(folder: pathlib.Path | None = None) -> list[Slice]:
    """All slices of all sets, decoded once and then read from the cache."""
    folder = folder or default_data_folder()
    cache = training_folder() / f"slices-{CACHE_VERSION}.npz"
    if not cache.exists():
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is missing; set JCS_DATA to the folder with {', '.join(SETS)}")
        write_cache(cache, [s for source in SETS for s in read_set(folder, source)])
    return read_cache(cache)


FLAT = ("source", "file", "patient", "split", "label", "frame")
ARRAYS = ("hu", "lesion", "lung")


def write_cache(path: pathlib.Path, slices: list[Slice]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"{name}/{i}": getattr(s, name) for i, s in enumerate(slices) for name in ARRAYS if getattr(s, name) is not None}
    table = np.array([repr(tuple(getattr(s, name) for name in FLAT)) for s in slices])
    partial = path.with_suffix(f".{os.getpid()}.partial.npz")  # two runs may begin together
    np.savez(partial, table=table, **arrays)
    partial.rename(path)


def read_cache(path: pathlib.Path) -> list[Slice]:
    with np.load(path) as stored:
        names = set(stored.files)
        return [
            Slice(
                **dict(zip(FLAT, ast.literal_eval(str(line)))),
                **{name: stored[f"{name}/{i}"] if f"{name}/{i}" in names else None for name in ARRAYS},
            )
            for i, line in enumerate(stored["table"])
        ]


def with_lungs_filled(item: Slice, rng: np.random.Generator) -> Slice:
    """A slice as of the abdomen: the lungs replaced by soft tissue. No lesion, label 0.

    The sets hold hardly any slice below the lungs, and the node shows every slice of a study to the networks.
    """
    if item.lung is None:
        raise ValueError(f"{item.file} has no lung mask")
    hu = item.hu.copy()
    grown = np.asarray(Image.fromarray(item.lung.astype(np.uint8)).filter(ImageFilter.MaxFilter(5))) > 0
    tissue = rng.normal(rng.uniform(20, 80), rng.uniform(5, 25), hu.shape)
    hu[grown] = tissue[grown].astype(np.int16)
    return dataclasses.replace(item, label=0, hu=hu, lesion=np.zeros(hu.shape, bool), lung=None, frame=frame_of(hu))

"""The training slices: every set in Hounsfield units, its masks and labels, read from a cache of decoded arrays.

Sets and their columns are described by the README beside the data. Nothing here looks at studies held for judging.
"""

import ast
import csv
import dataclasses
import functools
import hashlib
import os
import pathlib
import shutil
import typing
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image, ImageFilter

from jcs.frame import lung_frame
from jcs.lungs import find_lungs
from jcs.networks.vgg16_imagenet import cache_folder
from jcs.prepare import WINDOW

WITH_COVID = ("seg20", "seg20rp", "ct100", "covid_ct", "sars_cov2", "ctmd")  # what networks 0.2.0 know
OTHER_LUNGS = ("luna", "pneu", "iqoth", "emph", "tcga")  # without COVID-19: healthy, or sick otherwise
SETS = WITH_COVID + OTHER_LUNGS
SCANS = tuple(name for name in SETS if name not in ("covid_ct", "sars_cov2"))  # slices of scans, not figures
NO_RELATION = (WINDOW[1] - WINDOW[0], WINDOW[0])  # 8-bit figures without columns: taken as the lung window
CTMD_RELATION = (6 * 255, -1024)  # HU of grey 0..1
# Smaller lesions than this share of the image are neither a positive nor a negative slice for the classifier.
SMALLEST_LESION = 0.002
CACHE_VERSION = 5
REPEAT = "repeat"


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
    lung: np.ndarray | None  # [H, W] bool, drawn; on `luna` and `emph` found by `jcs.lungs`
    frame: tuple[float, float, float, float]  # left, top, width, height of what the networks see, `jcs.frame`

    @property
    def lesions(self) -> np.ndarray:
        """The lesion mask; ValueError where no one has drawn it."""
        if self.lesion is None:
            raise ValueError(f"no one has drawn the lesions of {self.source}/{self.file}")
        return self.lesion

    @property
    def lungs(self) -> np.ndarray:
        """The lung mask; ValueError where there is none."""
        if self.lung is None:
            raise ValueError(f"{self.source}/{self.file} has no lung mask")
        return self.lung


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


def without_lesions(source: str, row: dict[str, str], label: int | None) -> bool:
    """Whether no one had to draw to know that a slice has no lesion that a segmenter should mark.

    `emph` has it of lungs without emphysema alone; `pneu` never, since other pneumonia looks like what is drawn elsewhere.
    """
    if source == "ctmd":
        return label == 0 and row["diagnosis"] == "covid"
    return source == "luna" or (source == "emph" and row["finding"] == "no emphysema")


def read_slice(folder: pathlib.Path, source: str, row: dict[str, str]) -> Slice:
    slope, intercept = relation(source, row)
    hu = (read_grey(folder / row["file"]) / 255 * slope + intercept).round().clip(-2000, 3000).astype(np.int16)
    drawn = row.get("lesion") is not None
    lesion = read_grey(folder / row["mask"]) > 127 if row.get("mask") else np.zeros(hu.shape, bool) if drawn else None
    label = slice_label(source, row, lesion)
    if lesion is None and without_lesions(source, row, label):
        lesion = np.zeros(hu.shape, bool)
    lung = read_grey(folder / row["lung_mask"]) > 127 if row.get("lung_mask") else None
    if source in ("luna", "emph"):
        lung = find_lungs(hu)
    patient = row["patient"] or f"{source}/{row['file']}"
    return Slice(source, row["file"], patient, row["split"] or "train", label, hu, lesion, lung, frame_of(hu))


def read_set(folder: pathlib.Path, source: str) -> list[Slice]:
    with open(folder / source / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [read_slice(folder / source, source, row) for row in rows if row["split"] != "exclude"]


def digest(item: Slice) -> str:
    """Of size and pixels."""
    return hashlib.sha256(repr(item.hu.shape).encode() + item.hu.tobytes()).hexdigest()


def without_repeats(slices: list[Slice]) -> list[Slice]:
    """The same slices; patients to judge on who share a picture with the training split get the split `REPEAT`, which nothing uses.

    Where patients are not known, a set's source can hold one under two names: `iqoth` repeats a whole run.
    """
    trained = {digest(s) for s in slices if s.split == "train"}
    repeated = {(s.source, s.patient) for s in slices if s.split != "train" and digest(s) in trained}
    return [dataclasses.replace(s, split=REPEAT) if s.split != "train" and (s.source, s.patient) in repeated else s for s in slices]


def content_key(folder: pathlib.Path) -> str:
    """What the sets' files hold and how they are read, as 16 hexadecimal digits: another folder or another file is another key."""
    found = hashlib.sha256(f"{CACHE_VERSION} {SETS}".encode())
    for path in files_of(folder):
        found.update(f"{path.relative_to(folder)}".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def files_of(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    for source in SETS:
        yield from sorted(path for path in (folder / source).rglob("*") if path.is_file())


@functools.lru_cache(maxsize=1)
def load(folder: pathlib.Path | None = None) -> list[Slice]:
    """All slices of all sets, decoded once and then read from the cache."""
    folder = folder or default_data_folder()
    if missing := [source for source in SETS if not (folder / source / "index.csv").is_file()]:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; set JCS_DATA to the folder with {', '.join(SETS)}")
    cache = training_folder() / f"slices-{content_key(folder)}"
    if not cache.exists():
        write_cache(cache, without_repeats([s for source in SETS for s in read_set(folder, source)]))
    return read_cache(cache)


FLAT = ("source", "file", "patient", "split", "label", "frame")
ARRAYS = {"hu": np.int16, "lesion": np.bool_, "lung": np.bool_}


def write_cache(path: pathlib.Path, slices: list[Slice]) -> None:
    """A folder with one file for each kind of array, all slices after each other, and a table."""
    partial = path.with_suffix(f".{os.getpid()}.partial")  # two runs may begin together
    partial.mkdir(parents=True)
    places: list[list[int | None]] = [[] for _ in slices]
    for name, kind in ARRAYS.items():
        written = 0
        with open(partial / f"{name}.bin", "wb") as file:
            for item, place in zip(slices, places):
                values = getattr(item, name)
                place.append(None if values is None else written)
                if values is not None:
                    file.write(np.ascontiguousarray(values, kind).tobytes())
                    written += values.size
    lines = [repr((tuple(getattr(s, name) for name in FLAT), s.hu.shape, tuple(place))) for s, place in zip(slices, places)]
    (partial / "table.txt").write_text("\n".join(lines))
    try:
        partial.rename(path)
    except OSError:  # the other run was faster
        if not path.is_dir():
            raise
        shutil.rmtree(partial)


def read_cache(path: pathlib.Path) -> list[Slice]:
    """Arrays are mapped from disk, so that runs side by side share them."""
    mapped = {name: np.memmap(path / f"{name}.bin", kind, "r") for name, kind in ARRAYS.items() if (path / f"{name}.bin").stat().st_size}
    slices = []
    for line in (path / "table.txt").read_text().splitlines():
        flat, shape, places = ast.literal_eval(line)
        found: dict[str, typing.Any] = {
            name: None if start is None else np.asarray(mapped[name][start : start + shape[0] * shape[1]].reshape(shape))
            for name, start in zip(ARRAYS, places)
        }
        slices.append(Slice(**dict(zip(FLAT, flat)), **found))
    return slices


def with_lungs_filled(item: Slice, rng: np.random.Generator) -> Slice:
    """A slice as of the abdomen: the lungs replaced by soft tissue. No lesion, label 0.

    The sets hold hardly any slice below the lungs, and the node shows every slice of a study to the networks.
    """
    hu = item.hu.copy()
    grown = np.asarray(Image.fromarray(item.lungs.astype(np.uint8)).filter(ImageFilter.MaxFilter(5))) > 0
    tissue = rng.normal(rng.uniform(20, 80), rng.uniform(5, 25), hu.shape)
    hu[grown] = tissue[grown].astype(np.int16)
    return dataclasses.replace(item, label=0, hu=hu, lesion=np.zeros(hu.shape, bool), lung=None, frame=frame_of(hu))

"""CT studies in DICOM, as test slices: the whole scans that no network has trained on."""

import csv
import dataclasses
import pathlib

import numpy as np
import pydicom

from jcs import data

COVID_STUDY, NEGATIVE_STUDIES = "covid_p001", ("normal_001", "lidc_0003")
STUDIES = (COVID_STUDY, *NEGATIVE_STUDIES)
KEPT = (-1024, 3071)  # HU; as the node (pipeline/ct), which makes air of what a scanner writes outside its field of view
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclasses.dataclass(frozen=True)
class Study:
    name: str
    slices: list[data.Slice]  # from the feet up
    positions: np.ndarray  # [n], mm along the patient


def studies_folder(training_sets: pathlib.Path | None = None) -> pathlib.Path:
    """`ct` beside the folder of the training sets."""
    return (training_sets or data.default_data_folder()).parent / "ct"


def hounsfield(image: pydicom.Dataset) -> np.ndarray:
    """[H, W] int16. The networks' picture is a square field in the usual orientation; slices that are not would need the node's canvas."""
    if (
        tuple(float(v) for v in image.ImageOrientationPatient) != AXIAL
        or image.Rows != image.Columns
        or image.PixelSpacing[0] != image.PixelSpacing[1]
    ):
        raise ValueError(f"{image.filename}: not a square axial slice")
    stored = image.pixel_array.astype(np.float64)
    return (stored * float(image.RescaleSlope) + float(image.RescaleIntercept)).round().clip(*KEPT).astype(np.int16)


def slice_labels(folder: pathlib.Path, name: str) -> dict[str, int]:
    """File name -> 1 where the slice shows infection; empty for a study that is negative as a whole."""
    path = folder / f"{name}_slice_labels.csv"
    if not path.exists():
        return {}
    with open(path, newline="") as file:
        return {row["file"]: int(row["infection"]) for row in csv.DictReader(file)}


def read_study(folder: pathlib.Path, name: str, every: int = 1) -> Study:
    """Each `every`-th slice by position."""
    labels = slice_labels(folder, name)
    headers = [
        (float(pydicom.dcmread(p, specific_tags=["ImagePositionPatient"]).ImagePositionPatient[2]), p)
        for p in sorted((folder / name).glob("*.dcm"))
    ]
    if not headers:
        raise FileNotFoundError(f"no DICOM files in {folder / name}")
    chosen = sorted(headers)[::every]
    slices = []
    for _, path in chosen:
        hu, label = hounsfield(pydicom.dcmread(path)), labels[path.name] if labels else 0
        # Nobody has drawn lesions on the positive slices; the others have none.
        lesion = None if label else np.zeros(hu.shape, bool)
        slices.append(data.Slice(name, path.name, name, "study", label, hu, lesion, None, data.frame_of(hu)))
    return Study(name, slices, np.array([z for z, _ in chosen]))


def read_places(folder: pathlib.Path, source: str) -> dict[str, float]:
    """File -> place in its volume: mm where the set says (`z_mm`), otherwise the number of the slice."""
    with open(folder / source / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["file"]: float(row.get("z_mm") or row["slice"]) for row in rows}

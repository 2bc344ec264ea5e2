"""What the networks answer about slices, and the measures of the model card over these answers.

`ask_*` run a network; everything else is a pure function of arrays that returns plain values: numbers, strings, lists and dicts of
them, as they go into results/evaluation.json. A share is [count, total]; whoever shows it adds the interval.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnxruntime
import torch
from torch.nn import functional as F

from jcs import cascade, data, intervals, metrics
from jcs.validate import whole

FEWEST_PATIENTS = 10  # fewer say nothing about how patients differ: the interval then comes from slices
NOTICEABLE = 0.001  # of the slice: less than this is a speck
AREA_BINS = (0.0, 0.01, 0.03, 0.1, 0.2, 1.0)  # lesion as a share of the frame around the lungs
REGION_BINS = (1, 2, 3, 5, 9)  # first number of regions of each bin
GOOD_DICE, FAILED_DICE = 0.6, 0.1  # JCS Fig. 10: above is good, below is a failure
POINTING_TOLERANCE = 15.0  # pixels of a 512 x 512 slice
GRID_SCALE = {"seg20": 1.0, "seg20rp": 384 / 512, "ct100": 1.0}  # pixels of a set for one of 512 x 512; seg20 is cut out, not reduced
UNKNOWN_PATIENTS = ("ct100", "sars_cov2")  # sets that do not say which slices are of one patient
CHANCE_POINTS = 32  # per side of the frame


@dataclasses.dataclass(frozen=True)
class Reading:
    """What the classifier says about a slice."""

    probability: float
    activation: np.ndarray  # [h, w] over the whole slice


def ask_classifier(network: onnxruntime.InferenceSession, slices: Sequence[data.Slice]) -> list[Reading]:
    answers = (network.run(["probability", "activation"], whole(s)) for s in slices)
    return [Reading(float(probability[0]), activation[0]) for probability, activation in answers]


def ask_probability(network: onnxruntime.InferenceSession, slices: Sequence[data.Slice]) -> Iterator[np.ndarray]:
    """Lesion probability [H, W] of each slice."""
    return (network.run(["mask_probability"], whole(s))[0][0] for s in slices)


def ask_segmenter(network: onnxruntime.InferenceSession, slices: Sequence[data.Slice], threshold: float) -> list[np.ndarray]:
    """Lesion mask [H, W] of each slice."""
    return [probability >= threshold for probability in ask_probability(network, slices)]


def share(values: np.ndarray | Sequence[bool]) -> list[int]:
    return [int(np.sum(values)), len(values)]


# Slice classification.


def classification(name: str, score: np.ndarray, label: np.ndarray, patients: np.ndarray, known_patients: int, threshold: float) -> dict:
    """One row: area under the ROC curve with interval, sensitivity and specificity at the operating point."""
    area = metrics.auc(score, label)
    row = {"name": name, "slices": len(label), "positives": int(label.sum()), "patients": known_patients, "auc": None}
    row |= {"sensitivity": share(score[label == 1] >= threshold), "specificity": share(score[label == 0] < threshold)}
    if not np.isnan(area):
        by_patient = known_patients >= FEWEST_PATIENTS
        groups = patients if by_patient else np.arange(len(label))
        row |= {"auc": area, "auc_interval": intervals.bootstrap(lambda i: metrics.auc(score[i], label[i]), groups)}
        row["drawn"] = "patient" if by_patient else "slice"
    return row


def classifications(
    groups: dict[str, Callable[[data.Slice], bool]], slices: Sequence[data.Slice], score: np.ndarray, threshold: float
) -> list[dict]:
    """A row for each named group of slices; slices without a label are left out, and groups without slices."""
    rows = []
    for name, belongs in groups.items():
        chosen = [i for i, s in enumerate(slices) if s.label is not None and belongs(s)]
        if chosen:
            label = np.array([slices[i].label for i in chosen])
            patients = np.array([f"{slices[i].source}/{slices[i].patient}" for i in chosen])
            known = len({patient for i, patient in zip(chosen, patients) if slices[i].source not in UNKNOWN_PATIENTS})
            rows.append(classification(name, score[chosen], label, patients, known, threshold))
    return rows


# Patients.


@dataclasses.dataclass(frozen=True)
class Volume:
    """Slices of one patient, in order, with their places in mm where those are known."""

    name: str
    covid: bool
    slices: list[data.Slice]
    positions: np.ndarray | None


def patient(volume: Volume, positive: np.ndarray) -> dict:
    """How many slices are positive, and for how many mm they stand."""
    row = {"name": volume.name, "covid": volume.covid, "slices": len(positive), "positive_slices": int(positive.sum())}
    if volume.positions is None:
        return row | {"step_mm": None, "positive_mm": None}
    lengths = cascade.extents(volume.positions)
    return row | {"step_mm": float(np.median(np.diff(volume.positions))), "positive_mm": float(lengths[positive].sum())}


def patient_thresholds(volumes: Sequence[Volume], positives: Sequence[np.ndarray], thresholds: Sequence[int]) -> dict[str, list[dict]]:
    """JCS Table IV: sensitivity and specificity over patients against the threshold, in slices, and in mm where those are known."""

    def row(threshold: int, called: list[tuple[bool, bool]]) -> dict:
        return {
            "threshold": threshold,
            "sensitivity": share([said for covid, said in called if covid]),
            "specificity": share([not said for covid, said in called if not covid]),
        }

    pairs = list(zip(volumes, positives))
    measured = [(v, p) for v, p in pairs if v.positions is not None]
    return {
        "slices": [row(t, [(v.covid, cascade.positive_by_count(p, t)) for v, p in pairs]) for t in thresholds],
        "mm": [row(t, [(v.covid, cascade.positive_by_length(p, v.positions, t)) for v, p in measured]) for t in thresholds],
    }


# Segmentation.


def judge(item: data.Slice, mask: np.ndarray) -> dict:
    """One slice whose lesions were drawn."""
    _, _, width, height = item.frame
    drawn = int(item.lesion.sum())
    return {
        "set": item.source,
        "patient": f"{item.source} (patients unknown)" if item.source in UNKNOWN_PATIENTS else item.patient,
        "drawn": drawn,
        "marked": int(mask.sum()),
        "both": int((mask & item.lesion).sum()),
        "dice": metrics.dice(mask, item.lesion),
        "iou": metrics.iou(mask, item.lesion),
        "e_measure": metrics.e_measure(mask, item.lesion),
        "frame_share": drawn / max(1.0, width * height),
        "regions": metrics.count_regions(item.lesion),
    }


def overlap(name: str, judged: Sequence[dict]) -> dict:
    """Means over the slices with lesions, and all slices taken as one volume."""
    lesions = [j for j in judged if j["drawn"]]
    drawn, marked, both = (sum(j[key] for j in judged) for key in ("drawn", "marked", "both"))
    row = {
        "name": name,
        "slices": len(judged),
        "with_lesion": len(lesions),
        "patients": len({j["patient"] for j in judged if j["set"] not in UNKNOWN_PATIENTS}),
    }
    row |= {key: float(np.mean([j[key] for j in lesions])) if lesions else None for key in ("dice", "iou", "e_measure")}
    return row | {"volume_dice": 2 * both / max(1, drawn + marked), "volume_iou": both / max(1, drawn + marked - both)}


def overlaps(judged: Sequence[dict]) -> dict[str, list[dict]]:
    """By set, with their mean (each set that has lesions counts once), and by patient."""
    sets, patients = (sorted({j[key] for j in judged}) for key in ("set", "patient"))
    by_set = [overlap(name, [j for j in judged if j["set"] == name]) for name in sets]
    mean = {"name": "mean of the sets", **{key: sum(row[key] for row in by_set) for key in ("slices", "with_lesion", "patients")}}
    counting = [row for row in by_set if row["with_lesion"]]
    for key in ("dice", "iou", "e_measure", "volume_dice", "volume_iou"):
        mean[key] = float(np.mean([row[key] for row in counting])) if counting else None
    return {"by_set": [*by_set, mean], "by_patient": [overlap(name, [j for j in judged if j["patient"] == name]) for name in patients]}


def false_marks(name: str, marked: Sequence[int], pixels: Sequence[int]) -> dict:
    """Slices without lesions that get marked all the same."""
    parts = np.array(marked) / np.array(pixels)
    return {"name": name, "any": share(parts > 0), "noticeable": share(parts > NOTICEABLE), "mean_share": float(parts.mean())}


def spread(name: str, dices: np.ndarray) -> dict:
    """Distribution of Dice in the terms of JCS Fig. 10."""
    row = {"name": name, "slices": len(dices), "quartiles": None}
    row |= {"good": share(dices >= GOOD_DICE), "failed": share(dices < FAILED_DICE)}
    return row | {"quartiles": [float(q) for q in np.quantile(dices, (0.25, 0.5, 0.75))]} if len(dices) else row


def region_bins() -> list[tuple[str, int, float]]:
    """Name, first and last number of regions of each bin."""
    bins = []
    for first, after in zip(REGION_BINS, [*REGION_BINS[1:], None]):
        name = f"{first} or more" if after is None else f"{first}" if after == first + 1 else f"{first} to {after - 1}"
        bins.append((name, first, math.inf if after is None else after - 1))
    return bins


def spreads(judged: Sequence[dict]) -> dict[str, list[dict]]:
    """Over area and number of the drawn lesions of a slice."""
    lesions = [j for j in judged if j["drawn"]]
    dices, area, regions = (np.array([j[key] for j in lesions]) for key in ("dice", "frame_share", "regions"))
    by_area = [
        spread(f"{100 * low:g} to {100 * high:g} %" if high < 1 else f"over {100 * low:g} %", dices[(area > low) & (area <= high)])
        for low, high in itertools.pairwise(AREA_BINS)
    ]
    by_regions = [spread(name, dices[(regions >= first) & (regions <= last)]) for name, first, last in region_bins()]
    return {"all": [spread("all", dices)], "by_area": by_area, "by_regions": by_regions}


# Activation mapping.


def over_slice(activation: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The map on the pixels of the slice, bilinear between the centres of its cells, as the node shows it."""
    return F.interpolate(torch.from_numpy(activation)[None, None], (rows, columns), mode="bilinear", align_corners=False)[0, 0].numpy()


def distances(points: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Distance in pixels of each point [n, 2] (row, column) to the nearest pixel of a mask that is not empty. [n]"""
    inside = np.argwhere(mask).astype(np.float32)
    return np.array([float(np.sqrt(((inside - point) ** 2).sum(1).min())) for point in points.astype(np.float32)])


def frame_points(item: data.Slice) -> np.ndarray:
    """Points evenly over the frame that the network sees: where a map that knows nothing would point."""
    left, top, width, height = item.frame
    steps = (np.arange(CHANCE_POINTS) + 0.5) / CHANCE_POINTS
    rows, columns = np.meshgrid(top + steps * height, left + steps * width, indexing="ij")
    points = np.stack([rows.ravel(), columns.ravel()], 1).astype(int)
    return points.clip(0, np.array(item.hu.shape) - 1)


def pointing(item: data.Slice, activation: np.ndarray) -> dict:
    """Where the map of a slice with drawn lesions points: its maximum, and where its sum lies."""
    values = over_slice(activation, *item.hu.shape)
    at = np.array(np.unravel_index(values.argmax(), values.shape))
    total, tolerance = float(values.sum()), POINTING_TOLERANCE * GRID_SCALE[item.source]
    anywhere = distances(frame_points(item), item.lesion)
    result = {
        "set": item.source,
        "patient": item.patient,
        "hit": bool(item.lesion[tuple(at)]),
        "near_hit": bool(distances(at[None], item.lesion)[0] <= tolerance),
        "energy": float(values[item.lesion].sum()) / total if total else 0.0,
        "chance_hit": float((anywhere == 0).mean()),
        "chance_near": float((anywhere <= tolerance).mean()),
        "lung_energy": None,
        "lung_chance": None,
    }
    if item.lung is not None and item.lung.any():
        # Lesions are drawn over the lungs' edge here and there.
        lung = item.lung | item.lesion
        in_lung = float(values[lung].sum())
        result |= {
            "lung_energy": float(values[item.lesion].sum()) / in_lung if in_lung else 0.0,
            "lung_chance": item.lesion.sum() / lung.sum(),
        }
    return result


def pointings(results: Sequence[dict]) -> list[dict]:
    """By set, and over all slices."""
    rows = []
    for name in [*sorted({r["set"] for r in results}), "all"]:
        members = [r for r in results if name in (r["set"], "all")]
        row = {
            "name": name,
            "slices": len(members),
            "hit": share([r["hit"] for r in members]),
            "near_hit": share([r["near_hit"] for r in members]),
        }
        for key in ("energy", "chance_hit", "chance_near", "lung_energy", "lung_chance"):
            known = [r[key] for r in members if r[key] is not None]
            row[key] = float(np.mean(known)) if known else None
        rows.append(row)
    return rows


# Segmenting near positive slices only.


def near_cost(name: str, positive: np.ndarray, positions: np.ndarray, lesion_pixels: np.ndarray, step: str) -> dict:
    """What `segment = "near"` leaves out: lesion voxels, and slices to segment."""
    chosen = cascade.near(positive, positions)
    total = int(lesion_pixels.sum())
    return {
        "name": name,
        "step": step,
        "slices": len(positive),
        "segmented": int(chosen.sum()),
        "lesion_voxels": total,
        "lost": int(lesion_pixels[~chosen].sum()) / total if total else 0.0,
    }

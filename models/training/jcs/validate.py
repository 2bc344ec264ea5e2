"""Measure the served files on the validation split, by the way the node runs them.

    python -m jcs.validate classifier
    python -m jcs.validate segmenter
"""

import argparse
import dataclasses
import pathlib

import numpy as np
import onnxruntime

from jcs import data, manifest, metrics, train_classifier, train_segmenter
from jcs.serve import session, whole

MASK_THRESHOLDS = np.round(np.arange(0.30, 0.901, 0.05), 2)
# Lungs are some 300 mm long and 25 mm of positive slices make a patient positive, so of clear slices no larger part may be wrong.
LEAST_SPECIFICITY = 1 - 25 / 300


def classify(network: onnxruntime.InferenceSession, slices: list[data.Slice]) -> np.ndarray:
    """Probability of COVID-19 of each slice."""
    return np.array([network.run(["probability"], whole(s))[0][0] for s in slices])


@dataclasses.dataclass
class ClassifierReport:
    auc: dict[str, float]  # by set, "volumes" (seg20 and seg20rp together) and "all"
    operating_point: float
    sensitivity: float
    specificity: float

    def __str__(self) -> str:
        areas = ", ".join(f"{name} {value:.3f}" for name, value in self.auc.items())
        return f"AUC {areas}; at {self.operating_point}: sensitivity {self.sensitivity:.3f}, specificity {self.specificity:.3f}"


def report_classifier(score: np.ndarray, slices: list[data.Slice], operating_point: float | None = None) -> ClassifierReport:
    """Without an operating point, one with LEAST_SPECIFICITY on scans is chosen: the node never sees figures."""
    label, source = np.array([s.label for s in slices]), np.array([s.source for s in slices])
    volumes = np.isin(source, ("seg20", "seg20rp"))
    areas = {"covid_ct": metrics.auc(score[source == "covid_ct"], label[source == "covid_ct"])}
    areas |= {"volumes": metrics.auc(score[volumes], label[volumes]), "all": metrics.auc(score, label)}
    scans = source != "covid_ct"
    if operating_point is None:
        operating_point = metrics.specific_threshold(score[scans], label[scans], LEAST_SPECIFICITY)
    return ClassifierReport(areas, operating_point, *metrics.sensitivity_specificity(score[scans], label[scans], operating_point))


@dataclasses.dataclass
class SegmenterReport:
    dice: dict[str, float]  # mean over the slices with lesions, by set; "mean" over sets
    iou: dict[str, float]
    patient_dice: dict[str, float]  # over all slices of a patient as one volume
    empty_marked: float  # share of slices without lesions that get a mask
    operating_point: float

    def __str__(self) -> str:
        def line(values: dict[str, float]) -> str:
            return ", ".join(f"{name} {value:.3f}" for name, value in values.items())

        return (
            f"at {self.operating_point}: Dice {line(self.dice)}; IoU {line(self.iou)}; "
            f"Dice by patient {line(self.patient_dice)}; lesion-free slices marked {self.empty_marked:.3f}"
        )


def segment(network: onnxruntime.InferenceSession, slices: list[data.Slice]) -> list[np.ndarray]:
    """Lesion probability of each slice, float16 to save memory."""
    return [network.run(["mask_probability"], whole(s))[0][0].astype(np.float16) for s in slices]


def report_at(probability: list[np.ndarray], slices: list[data.Slice], threshold: float) -> SegmenterReport:
    dices: dict[str, list[float]] = {}
    ious: dict[str, list[float]] = {}
    sums: dict[str, np.ndarray] = {}
    marked = []
    for p, item in zip(probability, slices):
        mask, truth = p >= threshold, item.lesion
        if truth.any():
            dices.setdefault(item.source, []).append(metrics.dice(mask, truth))
            ious.setdefault(item.source, []).append(metrics.iou(mask, truth))
        else:
            marked.append(bool(mask.any()))
        if item.source != "ct100":
            sums[item.patient] = sums.get(item.patient, 0) + np.array([2 * (mask & truth).sum(), mask.sum() + truth.sum()])

    def means(values: dict[str, list[float]]) -> dict[str, float]:
        by_set = {name: float(np.mean(v)) for name, v in sorted(values.items())}
        return by_set | {"mean": float(np.mean(list(by_set.values())))}

    by_patient = {name: float(both / max(total, 1)) for name, (both, total) in sorted(sums.items())}
    return SegmenterReport(means(dices), means(ious), by_patient, float(np.mean(marked)) if marked else 0.0, threshold)


def report_segmenter(probability: list[np.ndarray], slices: list[data.Slice], threshold: float | None = None) -> SegmenterReport:
    """Without a threshold, the one with the best mean Dice is chosen."""
    thresholds = MASK_THRESHOLDS if threshold is None else [threshold]
    return max((report_at(probability, slices, float(t)) for t in thresholds), key=lambda r: r.dice["mean"])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("network", choices=("classifier", "segmenter"))
    arguments.add_argument("--models", type=pathlib.Path, default=manifest.models_folder())
    arguments.add_argument("--data", type=pathlib.Path, default=None)
    arguments.add_argument("--threads", type=int, default=2)
    given = arguments.parse_args()
    entry = manifest.read(given.models)[given.network]
    network = session((given.models / entry["file"]).read_bytes(), given.threads)
    slices = data.load(given.data)
    if given.network == "classifier":
        chosen = train_classifier.validation_slices(slices, {})
        print(len(chosen), "slices:", report_classifier(classify(network, chosen), chosen, entry["operating_point"]))
    else:
        chosen = train_segmenter.validation_slices(slices, per_patient=None)
        print(len(chosen), "slices:", report_segmenter(segment(network, chosen), chosen, entry["operating_point"]))


if __name__ == "__main__":
    main()

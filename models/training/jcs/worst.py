"""The slices on which the shipped networks err most, by kind of error, for the card's appendix."""

import dataclasses
import pathlib
import tomllib

import numpy as np

from jcs import data, measure
from jcs.examine import LARGE

COUNT = 20
NOTES = pathlib.Path(__file__).resolve().parents[1] / "notes.toml"  # what somebody who looked at them saw
MISSED, ALARM, OUTLINE, FALSE = "missed", "false alarms", "wrong outlines", "false outlines"
SAYS = {
    MISSED: "probability of slices whose lesions cover 1 % or more of the frame, below the operating point",
    ALARM: "probability of slices of scans without COVID-19, at the operating point or above",
    OUTLINE: "Dice of slices with drawn lesions",
    FALSE: "share of a slice without lesions that is marked",
}


@dataclasses.dataclass(frozen=True)
class Found:
    item: data.Slice
    value: float

    @property
    def name(self) -> str:
        return f"{self.item.source}/{pathlib.PurePath(self.item.file).name}"


def lowest(found: list[Found]) -> list[Found]:
    return sorted(found, key=lambda f: (f.value, f.name))[:COUNT]


def highest(found: list[Found]) -> list[Found]:
    return sorted(found, key=lambda f: (-f.value, f.name))[:COUNT]


def large(item: data.Slice) -> bool:
    """Whether drawn lesions cover 1 % of the frame."""
    return item.lesion is not None and item.lesion.sum() >= LARGE * item.frame[2] * item.frame[3]


def of_classifier(slices: list[data.Slice], readings: list[measure.Reading], point: float) -> dict[str, list[Found]]:
    said = [Found(s, r.probability) for s, r in zip(slices, readings)]
    return {
        MISSED: lowest([f for f in said if f.item.label == 1 and large(f.item) and f.value < point]),
        ALARM: highest([f for f in said if f.item.label == 0 and f.item.source not in ("covid_ct", "sars_cov2") and f.value >= point]),
    }


def of_segmenter(slices: list[data.Slice], masks: list[np.ndarray]) -> dict[str, list[Found]]:
    """Of slices whose lesions are known."""
    known = [(s, mask) for s, mask in zip(slices, masks) if s.lesion is not None]
    return {
        OUTLINE: lowest([Found(s, measure.judge(s, mask)["dice"]) for s, mask in known if s.lesions.any()]),
        FALSE: highest([Found(s, float(mask.mean())) for s, mask in known if not s.lesions.any() and mask.any()]),
    }


def listed(found: dict[str, list[Found]]) -> dict[str, list[dict]]:
    """For the results."""
    return {kind: [{"slice": f.name, "value": f.value} for f in rows] for kind, rows in found.items()}


def notes(path: pathlib.Path = NOTES) -> dict[str, dict[str, str]]:
    return tomllib.loads(path.read_text()) if path.exists() else {}

"""What would make a number of the model card a lie, looked for on every run.

`check` fails the evaluation; `near_duplicates` are listed, since two patients may look alike.
"""

from collections.abc import Iterable

import numpy as np
import torch

from jcs import data, recipe, sampling, train_classifier, train_segmenter
from jcs.frame import resample
from jcs.prepare import AIR, WINDOW

THUMBNAIL = 24
ALIKE = 0.97  # correlation of thumbnails
STUDY_PATIENTS = ("P001", "normal001", "LIDC-IDRI-0003")  # the names that the test studies have in their collections


class LeakError(Exception):
    """Something that is judged on was, or could have been, trained on."""


def shared(slices: Iterable[data.Slice], key) -> list:
    """Keys that occur in more than one split."""
    splits: dict = {}
    for item in slices:
        splits.setdefault(key(item), set()).add(item.split)
    return sorted(k for k, found in splits.items() if len(found) > 1)


def drawn_by_samplers(slices: list[data.Slice]) -> list[data.Slice]:
    """Every slice that a training run of the shipped recipe can draw, whole or as a part of another."""
    plan = recipe.load("shipped")
    tables = [table for table in (plan.pretrain, plan.classifier) if table]
    classifiers = [item for table in tables for item in sampling.ClassifierSampler(slices, 0, table).drawn()]
    return classifiers + sampling.SegmenterSampler(slices, 0, plan.segmenter).drawn()


def check(slices: list[data.Slice], studies: list[data.Slice]) -> dict[str, int]:
    """How much was looked at; raises LeakError with everything that was found.

    `slices` are all slices of the training sets (every split), `studies` those of the test studies.
    """
    found = []
    slices = [s for s in slices if s.split != data.REPEAT]  # neither trained nor judged on
    if names := shared(slices, lambda s: (s.source, s.patient)):
        found.append(f"patients in more than one split: {names}")
    if names := shared(slices, lambda s: (s.source, s.file)):
        found.append(f"files in more than one split: {names}")
    if pixels := shared([*slices, *studies], data.digest):
        names = sorted((s.source, s.file) for s in [*slices, *studies] if data.digest(s) in set(pixels))
        found.append(f"equal pixels in more than one split: {names}")
    drawn = drawn_by_samplers(slices)
    if names := sorted({(s.source, s.file) for s in drawn if s.split != "train"}):
        found.append(f"training draws slices of other splits: {names}")
    chosen = train_classifier.validation_slices(slices, {}) + train_segmenter.validation_slices(slices, None)
    if names := sorted({(s.source, s.file) for s in chosen if s.split != "val"}):
        found.append(f"training validates on slices of other splits: {names}")
    study_names = {*STUDY_PATIENTS, *(s.patient for s in studies)}
    if names := sorted({s.patient for s in slices if s.patient in study_names}):
        found.append(f"patients of the test studies in the training sets: {names}")
    if found:
        raise LeakError("; ".join(found))
    return {
        "slices": len(slices),
        "patients": len({(s.source, s.patient) for s in slices}),
        "slices_drawn_by_training": len({(s.source, s.file) for s in drawn}),
        "study_slices": len(studies),
    }


def thumbnails(slices: list[data.Slice]) -> np.ndarray:
    """[n, THUMBNAIL**2]: each slice in the lung window, small, less its mean, of length 1."""
    rows = []
    for item in slices:
        hu = torch.from_numpy(item.hu.astype(np.float32))[None, None].clamp(*WINDOW)
        box = torch.tensor([[0.0, 0.0, item.hu.shape[1], item.hu.shape[0]]])
        rows.append(resample(hu, box, (THUMBNAIL, THUMBNAIL), AIR).flatten().numpy())
    values = np.array(rows) - np.mean(rows, axis=1, keepdims=True)
    return values / np.linalg.norm(values, axis=1, keepdims=True).clip(1e-6)


def near_duplicates(slices: list[data.Slice], studies: list[data.Slice]) -> dict:
    """Training slices and slices that are judged on, compared by thumbnail: pairs that correlate above ALIKE, and the most alike pair."""
    train = [s for s in slices if s.split == "train"]
    judged = [s for s in slices if s.split not in ("train", data.REPEAT)] + studies
    correlation = thumbnails(judged) @ thumbnails(train).T

    def pair(i: int, k: int) -> dict:
        a, b = judged[i], train[k]
        return {
            "correlation": round(float(correlation[i, k]), 3),
            "judged": f"{a.source}/{a.file} ({a.split})",
            "trained_on": f"{b.source}/{b.file}",
        }

    found = [pair(i, k) for i, k in np.argwhere(correlation > ALIKE)]
    found.sort(key=lambda p: (-p["correlation"], p["judged"], p["trained_on"]))
    most = pair(*np.unravel_index(correlation.argmax(), correlation.shape))
    return {"threshold": ALIKE, "compared": [len(judged), len(train)], "pairs": found, "most_alike": most}

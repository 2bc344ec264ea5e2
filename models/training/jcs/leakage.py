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
LEVELS = 0.95  # of training slices have no slice of another training patient that is as alike as what is taken for another level
FEWEST_PATIENTS = 10
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


def shrunk(slices: list[data.Slice], boxes: list[tuple[float, float, float, float]]) -> np.ndarray:
    """[n, THUMBNAIL**2]: a box of each slice in the lung window, small, less its mean, of length 1."""
    rows = []
    for item, box in zip(slices, boxes):
        hu = torch.from_numpy(item.hu.astype(np.float32))[None, None].clamp(*WINDOW)
        rows.append(resample(hu, torch.tensor([box]), (THUMBNAIL, THUMBNAIL), AIR).flatten().numpy())
    values = np.array(rows) - np.mean(rows, axis=1, keepdims=True)
    return values / np.linalg.norm(values, axis=1, keepdims=True).clip(1e-6)


def thumbnails(slices: list[data.Slice]) -> np.ndarray:
    """Of whole slices."""
    return shrunk(slices, [(0.0, 0.0, float(s.hu.shape[1]), float(s.hu.shape[0])) for s in slices])


def framed(slices: list[data.Slice]) -> np.ndarray:
    """Of the frame around the lungs: at another level of a patient ribs and outline are still much the same."""
    return shrunk(slices, [s.frame for s in slices])


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


def other_levels(slices: list[data.Slice], source: str) -> dict | None:
    """Could judged slices of a set be other levels of its training patients? None for a set with too few patients to tell.

    How alike the most alike training slice of another patient is, of training slices, is what chance gives: a twentieth lies above the
    limit. `judged`: of judged slices, how many lie above. `known`: of training slices that have a second level of their own patient,
    how many this finds, which tells what the test is worth.
    """
    train = [s for s in slices if s.source == source and s.split == "train"]
    judged = [s for s in slices if s.source == source and s.split not in ("train", data.REPEAT)]
    if len({s.patient for s in train}) < FEWEST_PATIENTS or not judged:
        return None
    of_train, of_judged = framed(train), framed(judged)
    patients = np.array([s.patient for s in train])
    same = patients[:, None] == patients[None]
    alike = of_train @ of_train.T
    by_chance = np.where(same, -1.0, alike).max(1)
    at_least = float(np.quantile(by_chance, LEVELS))
    np.fill_diagonal(alike, -1.0)
    having = (same.sum(1) > 1).nonzero()[0]
    own = np.where(same, alike, -1.0).max(1)[having]
    nearest = (of_judged @ of_train.T).max(1)
    return {
        "name": source,
        "limit": at_least,
        "judged": [int((nearest > at_least).sum()), len(judged)],
        "known": [int((own > at_least).sum()), len(own)],
    }

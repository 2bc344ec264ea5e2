"""What the networks are judged on: slices that no training draws, and the studies."""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np

from jcs import data, leakage, measure, studies
from jcs.examine import group_of

VOLUME_SETS = ("seg20", "seg20rp")
MASKED_SETS = (*VOLUME_SETS, "ct100")


@dataclasses.dataclass(frozen=True)
class Bench:
    """What is judged on: slices that no training draws, and how they lie in patients."""

    slices: list[data.Slice]  # of the sets, validation and test split
    studies: list[studies.Study]
    places: dict[tuple[str, str], float]  # (set, file) -> mm or number along the patient
    everything: list[data.Slice]  # of the sets, all splits: for the leakage check, and for networks that left a set out
    every: int  # each so many-th slice of a patient is judged on

    @property
    def study_slices(self) -> list[data.Slice]:
        return [s for study in self.studies for s in study.slices]

    def masked(self) -> list[data.Slice]:
        """Validation slices on which someone has drawn all lesions."""
        return [s for s in self.slices if s.split == "val" and s.source in MASKED_SETS]

    def volumes(self) -> list[measure.Volume]:
        found = []
        for source in (*VOLUME_SETS, "ctmd"):
            members = [s for s in self.slices if s.source == source and s.split == "val"]
            for name in sorted({s.patient for s in members}):
                slices = sorted((s for s in members if s.patient == name), key=lambda s: self.places[source, s.file])
                positions = np.array([self.places[source, s.file] for s in slices]) if source == "ctmd" else None
                found.append(measure.Volume(name, source != "ctmd", slices, positions))
        return found + [measure.Volume(s.name, s.name == studies.COVID_STUDY, s.slices, s.positions) for s in self.studies]


def load_bench(folder: pathlib.Path | None, every: int = 1) -> Bench:
    folder = folder or data.default_data_folder()
    everything = data.load(folder)
    patients: dict[tuple[str, str, str], list[data.Slice]] = {}
    for item in everything:
        if item.split in ("val", "test"):
            key = (item.source, item.split, "" if item.source in ("ct100", "covid_ct") else item.patient)
            patients.setdefault(key, []).append(item)
    if any(source == "sars_cov2" for source, _, _ in patients):
        raise leakage.LeakError("sars_cov2 has no known patients and is no measure of anything")
    places = {(source, file): place for source in (*VOLUME_SETS, "ctmd") for file, place in studies.read_places(folder, source).items()}
    scans = [studies.read_study(studies.studies_folder(folder), name, every) for name in studies.STUDIES]
    return Bench([s for members in patients.values() for s in members[::every]], scans, places, everything, every)


def groups() -> dict[str, Callable[[data.Slice], bool]]:
    """The rows of the slice table."""

    def of(source: str, split: str) -> Callable[[data.Slice], bool]:
        return lambda s: (s.source, s.split) == (source, split)

    def called(name: str) -> Callable[[data.Slice], bool]:
        return lambda s: s.split == "val" and group_of(s) == name

    named = {f"{source} {split}": of(source, split) for source, split in (("covid_ct", "val"), ("covid_ct", "test"))}
    others = ("luna", "emph", "iqoth", "tcga", "pneu adults", "pneu children")
    named |= {f"{name} val": called(name) for name in (*MASKED_SETS, "ctmd", *others)}
    named |= {name: of(name, "study") for name in studies.STUDIES}
    scans = (*VOLUME_SETS, "ctmd", *studies.STUDIES)
    named |= {"scans, all": lambda s: s.source in scans, "other lungs, all": lambda s: s.source in data.OTHER_LUNGS}
    return named | {"all": lambda s: True}

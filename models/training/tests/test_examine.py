import argparse

import numpy as np
import pytest

from hand_made import chest
from jcs import checkpoint, data, examine


def test_answers_hang_together(trunk):
    answers = examine.ask(trunk, [chest(i, i % 2 == 0) for i in range(3)], 64, "fp32")
    assert answers.evidence.shape == answers.shown.shape == answers.share.shape == (3, 2, 2)
    assert answers.logit == pytest.approx(answers.evidence.mean((1, 2)), abs=1e-5)
    weight = (trunk.fc.weight[1] - trunk.fc.weight[0]).detach().numpy()
    bias = float(trunk.fc.bias[1] - trunk.fc.bias[0])
    assert answers.logit == pytest.approx(answers.pooled @ weight + bias, abs=1e-3)
    assert answers.shown.min() >= 0 and answers.share[1].max() == 0 < answers.share[0].max()


def test_a_served_file_answers_as_its_checkpoint(trunk, served_trunk):
    slices = [chest(i, i % 2 == 0) for i in range(3)]
    ours, served = (examine.ask(n, slices, 64, "fp32") for n in (trunk, examine.Served(served_trunk.SerializeToString(), 1)))
    for name in ("logit", "evidence", "shown"):
        assert getattr(served, name) == pytest.approx(getattr(ours, name), abs=1e-3)


def test_maps_of_known_cells():
    share = np.zeros((2, 2, 2), np.float32)
    share[0, 0, 0] = share[1, 1, 1] = 0.4
    answers = examine.Answers(np.zeros(2), np.zeros((2, 3)), evidence=-share, shown=share, share=share)
    shown, decides = examine.maps(answers).values()
    assert shown["cells_auc"] == shown["cells_auc_within"] == shown["highest_in_lesion"] == 1 and shown["chance"] == 0.25
    assert decides["cells_auc"] == decides["highest_in_lesion"] == 0


def test_adults_and_children_of_other_pneumonia_are_apart():
    def named(source: str, file: str) -> data.Slice:
        item = chest(1, False, source)
        return data.Slice(item.source, file, *[getattr(item, k) for k in ("patient", "split", "label", "hu", "lesion", "lung", "frame")])

    assert examine.group_of(named("pneu", "images/pn_s15_0790.jpg")) == "pneu adults"
    assert examine.group_of(named("pneu", "images/pn_s17_0801.jpg")) == "pneu children"
    assert examine.group_of(named("luna", "images/1_s17_0801.jpg")) == "luna"


def test_every_table_is_there(trunk, shallow_trunk, tmp_path, monkeypatch):
    slices = []
    for source in data.SETS:
        for i in range(4):
            lesion = source not in data.OTHER_LUNGS and i % 2 == 0
            slices.append(chest(len(slices), lesion, source, split="val"))
    monkeypatch.setattr(examine.data, "load", lambda folder: slices)
    checkpoint.save(tmp_path / "c.pt", {"depth": 50, "average": trunk.state_dict()})
    words = ["--checkpoint", str(tmp_path / "c.pt"), "--size", "64", "--threads", "1", "--arithmetic", "fp32", "--point", "0.5"]
    arguments = examine.parser().parse_args(words)
    assert isinstance(arguments, argparse.Namespace)
    found = examine.examine(arguments)
    assert set(found["specificity"]) >= {"luna", "pneu adults", "emph", "iqoth", "tcga", "seg20"}
    assert found["specificity"]["luna"]["right"][1] == 4 and found["specificity"]["luna"]["patients"] > 0
    assert found["calibration"]["luna"]["slices"] == 4 and found["calibration"]["all scans"]["rows"]
    assert set(found["look_matched"]) == {"luna", "pneu adults", "emph", "iqoth", "tcga", "ctmd", "sars_cov2"}
    for by_positive in found["look_matched"].values():
        assert set(by_positive) == {"seg20", "seg20rp"} and all(len(row) == 4 for row in by_positive.values())
    assert set(found["deletion"]) == {"lesions", "highest activation", "random patches", "slices", "part"}
    assert found["deletion"]["slices"] == 4 and found["auc"]["lesions against other lungs"] is not None

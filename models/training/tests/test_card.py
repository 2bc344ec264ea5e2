"""From a bench of synthetic slices and networks with known answers to the filled card."""

import hashlib
import json
import math

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from jcs import (
    calibration,
    card,
    card_aims,
    card_lungs,
    card_records,
    card_tables,
    data,
    evaluate,
    examine,
    experiment,
    held_out,
    leakage,
    manifest,
    measure,
    provenance,
    results,
    robustness,
    severity,
    speed,
    studies,
    worst,
)


def a_slice(number: int, source: str, split: str, patient: str, ill: bool) -> data.Slice:
    """Air with some noise, and about 0 HU where the lesion is."""
    hu = (-1000 + np.random.default_rng(number).integers(0, 9, (32, 32))).astype(np.int16)
    lesion = np.zeros((32, 32), bool)
    if ill:
        lesion[4 + number % 5 : 20, 8:16] = True
        hu[lesion] += 1000
    drawn = None if source in ("covid_ct", "ctmd") or (split == "study" and ill) else lesion
    lung = None
    if source in ("seg20", "seg20rp"):
        lung = np.zeros(hu.shape, bool)
        lung[2:30, 2:30] = True
    return data.Slice(source, f"{source}{number}", patient, split, int(ill), hu, drawn, lung, (0.0, 0.0, 32.0, 32.0))


@pytest.fixture(scope="module")
def bench() -> held_out.Bench:
    slices = []
    for source, split, patient, ill in (
        *(("covid_ct", split, f"{split}{i}", i % 2 == 0) for split in ("val", "test") for i in range(12)),
        *(("seg20", "val", f"coronacases_00{2 + i % 2}", i % 5 > 0) for i in range(20)),
        *(("seg20rp", "val", "radiopaedia_case_4", i % 5 > 0) for i in range(10)),
        *(("ct100", "val", f"ct100/{i}", True) for i in range(4)),
        *(("ctmd", "val", "cap002", False) for i in range(6)),
        *(("luna", "val", f"luna{i}", False) for i in range(8)),
    ):
        slices.append(a_slice(len(slices), source, split, patient, ill))
    scans = []
    for name in studies.STUDIES:
        members = [a_slice(1000 + i, name, "study", name, name == studies.COVID_STUDY and i < 14) for i in range(20)]
        scans.append(studies.Study(name, members, 2.0 * np.arange(20)))
    train = [a_slice(2000 + i, "seg20", "train", f"t{i}", i % 2 == 0) for i in range(10)]
    places = {(s.source, s.file): float(i) for i, s in enumerate(slices)}
    return held_out.Bench(slices, scans, places, [*slices, *train], 1)


class Oracle:
    """A network that sees what is brighter than air: whole, as the segmenter, or for a probability, as the classifier."""

    def run(self, names, inputs):
        lesion = inputs["hu"][:, 0] > -500
        answers = {
            "mask_probability": lesion.astype(np.float32),
            "probability": np.where(lesion.any((1, 2)), np.float32(0.9), np.float32(0.1)),
            "activation": lesion.astype(np.float32),
        }
        return [answers[name] for name in names]


class OracleCore:
    """The same, as what is within the classifier: one feature that is bright, and its layer."""

    def __init__(self):
        self.fc = torch.nn.Linear(1, 2)
        with torch.no_grad():
            self.fc.weight.copy_(torch.tensor([[-40.0], [40.0]]))
            self.fc.bias.copy_(torch.tensor([1.0, -1.0]))

    def features(self, prepared):
        return torch.nn.functional.adaptive_avg_pool2d((prepared[:, :1] > 0.25).float(), 7)

    def cell_logits(self, features):
        return torch.nn.functional.conv2d(features, self.fc.weight[:, :, None, None], self.fc.bias)


@pytest.fixture(scope="module")
def evaluation(bench) -> dict:
    values: dict = {
        "thinned": 1,
        "leakage": leakage.check(bench.everything, []),
        "near_duplicates": leakage.near_duplicates(bench.everything, []),
    }
    entry = {
        "file": "a.onnx",
        "name": "A",
        "version": "1",
        "status": "trained",
        "precision": "int8",
        "size": 224,
        "operating_point": 0.5,
        "sha256": "0" * 64,
    }
    values["networks"] = {"classifier": entry, "segmenter": entry}
    tables, readings = evaluate.examine_classifier(Oracle(), bench, 0.5)
    values |= tables | {"patients": evaluate.examine_patients(bench, readings, 0.5)}
    scores = evaluate.changed_scores(Oracle(), bench.studies)
    values["changes"] = evaluate.examine_changes(scores, bench.studies, 0.5)
    values["smoothing"] = evaluate.examine_smoothing(scores, bench, readings, 0.5)
    labelled = [s for s in bench.slices + bench.study_slices if s.split != "test"]
    values["lungs"] = examine.report(OracleCore(), labelled, bench.everything + bench.study_slices, 0.5, 32, "fp32")
    values["other_levels"] = [{"name": "luna", "limit": 0.9, "judged": [1, 20], "known": [9, 10]}]
    marked = bench.masked() + bench.study_slices + [s for s in bench.slices if s.source in ("ctmd", "luna")]
    masks = {(s.source, s.file): s.hu > -500 for s in marked}
    values["segmentation"], _ = evaluate.examine_segmenter([masks[s.source, s.file] for s in bench.masked()], bench.masked())
    values["pixels"] = calibration.of_pixels(bench.masked(), [masks[s.source, s.file].astype(np.float32) for s in bench.masked()])
    values["severity"] = severity.severity(bench.masked(), [masks[s.source, s.file] for s in bench.masked()])
    values["false_marks"] = evaluate.examine_false_marks(bench, masks)
    readings_list = [readings[s.source, s.file] for s in bench.slices + bench.study_slices]
    judged = bench.masked()
    marks = [masks[s.source, s.file] for s in judged]
    values["engines"] = evaluate.examine_engines(
        bench.slices + bench.study_slices, (readings_list, [measure.Reading(r.probability - 0.1, r.activation) for r in readings_list]),
        judged, (marks, [marks[0], np.zeros_like(marks[1]), *marks[2:]]),
    )
    values["near"] = evaluate.examine_near(bench, readings, 0.5, [masks[s.source, s.file] for s in bench.studies[0].slices])
    wrong = worst.of_classifier(bench.slices, [readings[s.source, s.file] for s in bench.slices], 0.95)
    values["worst"] = worst.listed(wrong | worst.of_segmenter(judged, [np.zeros_like(m) for m in marks[:-1]] + [marks[-1]]))
    return json.loads(json.dumps(results.plain(values)))


def test_a_perfect_network_gets_perfect_rows(evaluation):
    by_name = {r["name"]: r for r in evaluation["slices"]}
    names = ["covid_ct val", "covid_ct test", "seg20 val", "seg20rp val", "ct100 val", "ctmd val", "luna val", *studies.STUDIES]
    names += ["scans, all", "other lungs, all", "all"]
    assert list(by_name) == names
    assert all(
        r["auc"] in (None, 1.0) and r["sensitivity"][0] == r["sensitivity"][1] and r["specificity"][0] == r["specificity"][1]
        for r in by_name.values()
    )
    assert by_name["covid_ct test"]["slices"] == 12 and by_name["covid_p001"]["positives"] == 14
    assert [r["dice"] for r in evaluation["segmentation"]["by_set"]] == [1, 1, 1, 1]
    assert all(r["any"][0] == 0 for r in evaluation["false_marks"])
    assert evaluation["activation"][-1]["hit"] == [28, 28] and evaluation["activation"][-1]["energy"] > 0.9


def test_patients_of_the_bench(evaluation):
    rows = {v["name"]: (v["covid"], v["slices"], v["positive_slices"], v["positive_mm"]) for v in evaluation["patients"]["volumes"]}
    assert rows["covid_p001"] == (True, 20, 14, 28.0) and rows["normal_001"] == (False, 20, 0, 0.0) and rows["cap002"] == (False, 6, 0, 0.0)
    assert rows["radiopaedia_case_4"] == (True, 10, 8, None)
    # In slices nobody has more than 25; in mm the one patient whose distances are known has.
    at_25 = {unit: next(r for r in table if r["threshold"] == 25) for unit, table in evaluation["patients"]["thresholds"].items()}
    assert at_25["slices"]["sensitivity"] == [0, 4] and at_25["mm"]["sensitivity"] == [1, 1] and at_25["mm"]["specificity"] == [3, 3]


def test_changes_are_asked_about_for_each_study(evaluation):
    rows = {r["name"]: {s["name"]: (s["positive_slices"], s["positive_mm"], s["auc"]) for s in r["studies"]} for r in evaluation["changes"]}
    assert list(rows) == list(robustness.CHANGES)
    for name in ("as it is", "30 HU darker", "field of view 1.4 times as wide", "left and right exchanged"):
        assert rows[name] == {"covid_p001": (14, 28.0, 1.0), "normal_001": (0, 0.0, None), "lidc_0003": (0, 0.0, None)}


def test_engines_are_compared_slice_by_slice(evaluation):
    found = evaluation["engines"]
    assert [(r["name"], r["auc"]) for r in found["rows"]] == [("ONNX Runtime", 1.0), ("OpenVINO", 1.0)]
    assert found["rows"][0]["dice"] == 1 and found["rows"][1]["dice"] < 1
    assert found["slices"] == {"classified": 132, "auc": 132, "dice": 34}
    assert found["probability_apart"] == {"mean": pytest.approx(0.1), "largest": pytest.approx(0.1)}
    assert found["masks_alike"] == {"mean": pytest.approx(33 / 34, abs=1e-4), "worst": 0}


def test_other_lungs_are_told_by_what_they_show(evaluation):
    found = evaluation["lungs"]
    assert found["specificity"]["luna"] == {"right": [8, 8], "patients": 8}
    assert set(found["look_matched"]) == {"ctmd", "luna", *studies.STUDIES}
    assert all(area == 1 for kinds in found["look_matched"].values() for looks in kinds.values() for area in looks.values())
    assert found["maps"]["shown: eq. 2 of w1 - w0"]["highest_in_lesion"] == 1 and found["deletion"]["part"] > 0.5
    text = card_lungs.other_lungs(evaluation)
    assert "| luna | 8 | 1.000 (0.68 to 1.00), 8/8 | 1.000 / 1.000 |" in text and "seg20rp 1.000 (0.68 to 1.00), 8/8" in text


def test_what_an_older_evaluation_lacks_is_not_made_up(evaluation):
    older = {key: value for key, value in evaluation.items() if key not in ("lungs", "smoothing")}
    texts = card_lungs.tables(older)
    assert texts["smoothing"] == texts["deciding"] == "Not measured." and texts["severity"] == card_lungs.severity(evaluation)


def test_aims_are_met_or_not_by_what_was_measured(evaluation):
    text = card_aims.aims(evaluation)
    assert "| specificity on luna | 0.97 | 1.000 | yes |" in text and "| specificity on iqoth | 0.95 | – | – |" in text
    lungs = evaluation["lungs"] | {"specificity": {"emph": {"right": [9, 10]}, "tcga": {"right": [9, 10]}}}
    lungs |= {"look_matched": {"pneu adults": {"seg20": {card_aims.COMMON: 0.84}, "seg20rp": {card_aims.COMMON: 0.9}}}}
    text = card_aims.aims(evaluation | {"lungs": lungs})
    assert "| specificity on emph | 0.95 | 0.900 | **no** |" in text and "| specificity on tcga | 0.90 | 0.900 | yes |" in text
    assert "the lower of both sets | 0.85 | 0.840 | **no** |" in text


@pytest.mark.parametrize(
    ("covid", "least", "most", "margin", "met"), [(True, 36, 90, "11", True), (True, 30, 90, "5", False), (False, 0, 30, "-5", False)]
)
def test_a_study_has_its_margin_under_every_change(covid, least, most, margin, met):
    row = {"smooth_mm": 0.0, "least_mm": float(least), "most_mm": float(most)}
    smoothed = row | {"smooth_mm": 10.0, "least_mm": 99.0, "most_mm": 0.0}
    rows = card_aims.margins({"smoothing": [{"name": studies.STUDIES[0], "covid": covid, "rows": [smoothed, row]}, {"name": "other"}]})
    assert [row[2:] for row in rows] == [(margin, met)]


def test_what_was_shipped_before_stands_above(evaluation, tmp_path):
    assert len(card_lungs.before_and_after(evaluation)) == 1
    older = {"version": "0", "lungs": evaluation["lungs"]}
    assert [version for version, _ in card_lungs.before_and_after(evaluation | {"before": older})] == ["0", "1"]
    results.write(tmp_path, results.EVALUATION, evaluation)
    evaluate.keep_before(tmp_path, {"sha256": "0" * 64})
    assert not (tmp_path / "before.json").exists()
    evaluate.keep_before(tmp_path, {"sha256": "1" * 64})
    assert results.read_all(tmp_path)[results.BEFORE]["version"] == "1"


def test_the_worst_slices_are_listed_by_kind(evaluation):
    found = evaluation["worst"]
    assert {kind: len(rows) for kind, rows in found.items()} == {"missed": 20, "false alarms": 0, "wrong outlines": 20, "false outlines": 0}
    assert found["missed"][0]["value"] == pytest.approx(0.9)
    assert [r["value"] for r in found["wrong outlines"]] == [0.0] * 20
    text = card_lungs.appendix(evaluation)
    assert "### Missed" in text and "![missed](model-card/worst-missed.jpg)" in text and text.count("None.") == 2


def test_severity_and_smoothing_of_a_perfect_network(evaluation):
    found = evaluation["severity"]
    assert [r["drawn"] == r["marked"] > 0 for r in found["patients"]] == [True] * 3
    assert found["agreement"]["patients"] == {"pairs": 3, "mean": 0, "low": 0, "high": 0} and found["agreement"]["slices"]["pairs"] == 30
    assert all(r["error"] == 0 for r in evaluation["pixels"].values())
    by_study = {study["name"]: study["rows"] for study in evaluation["smoothing"]}
    assert all(r["sensitivity"] == 1 for r in by_study["radiopaedia_case_4, 5 mm assumed"])
    covid = by_study["covid_p001"]
    assert [r["mm"] for r in covid] == [28.0] * len(covid) and covid[0]["thinned_mm"] == [28.0, 30.0] and covid[0]["flips"] > 0


def test_near_on_the_bench(evaluation):
    rows = {(r["name"], r["step"]): r for r in evaluation["near"]}
    study = rows["covid_p001", "known"]
    assert (study["segmented"], study["slices"], study["lost"]) == (19, 20, 0)  # 14 positive slices and 10 mm beyond
    assert {step for name, step in rows if name == "radiopaedia_case_4"} == {"5 mm assumed", "8 mm assumed"}


def test_the_repositorys_card_has_every_section_and_takes_it(evaluation, tmp_path):
    text = (card.default_folder() / card.NAME).read_text()
    path = tmp_path / card.NAME
    path.write_text(text)
    found = {results.EVALUATION: evaluation, results.SPEED: TIMES, "precision": PRECISION}
    card.rewrite(path, found)
    once = path.read_text()
    assert "| covid_p001 | 14/20 | 1 | 1.000 (1.00 to 1.00) | slice | 1.000 (0.78 to 1.00), 14/14 | 1.000 (0.61 to 1.00), 6/6 |" in once
    assert "| U-Net, as the paper reports on its own data | 0.651 | 0.541 | 0.797 |" in once
    card.rewrite(path, found)
    assert path.read_text() == once
    # What stands between the sections is as it was written.
    assert [part.split("-->")[-1] for part in once.split("<!-- begin")] == [part.split("-->")[-1] for part in text.split("<!-- begin")]


def test_the_repositorys_card_says_what_its_results_say():
    path = card.default_folder() / card.NAME
    assert card.fill(path.read_text(), card.sections(results.read_all(results.default_folder()))) == path.read_text()


def test_the_repositorys_results_are_those_of_its_networks():
    """With other weights, `make evaluate` again."""
    measured = results.read_all(results.default_folder())[results.EVALUATION]["networks"]
    for name, entry in manifest.read(manifest.models_folder()).items():
        assert {key: measured[name][key] for key in ("sha256", "operating_point", "status")} == {
            k: entry[k] for k in ("sha256", "operating_point", "status")
        }


TIMES = {
    "processor": "P",
    "runtime": "1.0",
    "openvino": "2.0",
    "side": 512,
    "rounds": 7,
    "rows": [
        {"name": n, "threads": t, "ms": ms / t}
        for t in (1, 2)
        for n, ms in (("classifier", 40.0), ("segmenter", 600.0), ("VGG-16 convolutions, fp32", 2000.0))
    ],
}
PRECISION = {
    "thinned": 1,
    "provenance": {"command": "c"},
    "result": {
        "slices": {"auc": 9, "dice": 8},
        "agreement": [{"output": "probability", "slices": 4, "largest": 1.2e-7, "mean": 3e-8, "scale": 0.9}],
        "precisions": [
            {
                "precision": p,
                "classifier_mb": 1.0,
                "auc": 0.9,
                "auc_change": c,
                "segmenter_mb": 2.0,
                "dice": 0.8,
                "dice_change": c,
                "mask_agreement": 1.0,
                "mask_worst": 0.9,
            }
            for p, c in (("fp32", 0.0), ("int8", -0.0012))
        ],
    },
}


def test_speed_is_given_for_a_study_beside_the_papers():
    text = card_tables.timings(TIMES)
    assert "| segmenter | 600.0 | 300.0 | 0.300 | 0.300 |" in text
    assert "| shipped, 2 threads | 6.0 | 30.0 | 90.0 |" in text and "| paper, RTX 2080 Ti | 1.0 | – | 18.0 |" in text


def record(name: str, kind: str, result: dict, options: str = "--iterations 9") -> dict:
    group, variant = name.split("-", 1)
    given = {"options": options, "iteration": 9, "minutes": 1.5}
    return {"name": name, "group": group, "variant": variant, "kind": kind, "provenance": given, "result": result, "thinned": 1}


def test_recorded_experiments_are_shown_with_the_commands_that_repeat_them(evaluation):
    segmenter = {"threshold": 0.6, "segmentation": evaluation["segmentation"]}
    classifier = {"slices": evaluation["slices"], "activation": evaluation["activation"]}
    found = {
        "evaluation": evaluation,
        "architecture-unet": record("architecture-unet", "segmenter", segmenter, "--network unet"),
        "mixing-without": record("mixing-without", "classifier", classifier),
        "source-covid_ct": record("source-covid_ct", "classifier", {"left_out": evaluation["slices"][0]}),
        "segmenter-seed2": record("segmenter-seed2", "segmenter", segmenter, "--seed 2"),
        "classifier-seed2": record("classifier-seed2", "classifier", classifier, "--seed 2 --pretrained p.pt"),
    }
    found["classifier-seed2"]["provenance"] |= {"pretrained": "--iterations 3", "refit": "--views 2 --seed 3"}
    found["segmenter-seed2"]["provenance"] |= {"size": 320}
    found["segmenter-seed2"]["thinned"] = 4
    texts = card.sections(found)
    assert "| unet | 9 | 2 | 0.6 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | – |" in texts["architecture"]
    assert (
        "python -m jcs.train_segmenter --network unet\n    python -m jcs.experiment architecture-unet --checkpoint CHECKPOINT"
        in texts["architecture"]
    )
    assert "| without | 9 | 2 | 1.000 |" in texts["mixing"] and "| without | 28 | 1.000" in texts["mixing"]
    assert "| covid_ct val, all splits | 9 | 2 | 6/12 |" in texts["source"]
    assert "experiment segmenter-seed2 --checkpoint CHECKPOINT --segmenter-size 320 --every 4" in texts["segmenter"]
    assert "judged on every 4th slice" in texts["segmenter"] and "judged on" not in texts["mixing"]
    # What was trained again stands below what is shipped, with all that made it.
    rows = [line for line in texts["segmenter"].splitlines() if line.startswith("| s")]
    assert [row.split(" | ")[:4] for row in rows] == [["| shipped", "–", "–", "0.5"], ["| seed2", "9", "2", "0.6"]]
    assert "| shipped | – | – | 1.000 |" in texts["classifier"] and "shipped:" not in texts["classifier"]
    commands = (
        "pretrain_classifier --iterations 3",
        "train_classifier --seed 2 --pretrained p.pt",
        "refit_classifier --checkpoint CHECKPOINT --views 2 --seed 3",
        "experiment classifier-seed2",
    )
    lines = [line.split("jcs.")[1] for line in texts["classifier"].splitlines() if line.startswith("    ")]
    assert len(lines) == len(commands) and all(line.startswith(command) for line, command in zip(lines, commands))
    assert texts["pretraining"] == "Not recorded yet." and texts["precision"] == "Not recorded yet." and texts["speed"] == "Not measured."


def test_sets_without_positives_are_judged_by_look_and_ablations_side_by_side(evaluation):
    lungs = evaluation["lungs"] | {"specificity": {name: {"right": [8, 10], "patients": 8} for name in card_records.ABLATED}}
    lungs |= {"look_matched": {name: evaluation["lungs"]["look_matched"]["luna"] for name in card_records.ABLATED}}
    found = {
        "evaluation": evaluation,
        "source-luna": record("source-luna", "classifier", {"new_look": lungs}, "--without ['luna']"),
        "ablation-all": record("ablation-all", "classifier", {"lungs": lungs}),
    }
    found["ablation-all"]["provenance"]["start"] = "jcs-classifier.onnx 0.2.0 int8"
    texts = card.sections(found)
    assert "| luna, all splits | 9 | 2 | 0.50 | 0.800 (0.49 to 0.94), 8/10 | 1.000 / 1.000 |" in texts["source"]
    assert "| all | 9 | 2 | 0.50 | 1.000 | 0.800 | 0.800 |" in texts["ablation"]
    assert "--iterations 9    # from jcs-classifier.onnx 0.2.0 int8" in texts["ablation"]


@pytest.mark.parametrize(("version", "source", "refused"), [("0.2.0", "luna", False), ("0.2.0", "seg20", True), ("0.3.0", "luna", True)])
def test_a_start_that_has_seen_the_source_is_refused(version, source, refused):
    state = {"depth": 50, "options": f"--without ['{source}']", "start": f"jcs-classifier.onnx {version} int8 abc"}
    if not refused:
        experiment.check_left_out(state, source, "c.pt")
        return
    with pytest.raises(SystemExit, match=f"began with jcs-classifier.onnx {version} int8, which was trained on {source}"):
        experiment.check_left_out(state, source, "c.pt")


def test_a_card_without_a_section_or_with_an_unknown_one_is_refused():
    text = "x\n<!-- begin: a -->\nold\n<!-- end: a -->\ny\n"
    assert card.fill(text, {"a": "new\n\\1"}) == "x\n<!-- begin: a -->\nnew\n\\1\n<!-- end: a -->\ny\n"
    for content in ({}, {"a": "", "b": ""}, {"b": ""}):
        with pytest.raises(ValueError, match="sections"):
            card.fill(text, content)
    with pytest.raises(ValueError, match="sections"):
        card.fill(text.replace("end: a", "end: b"), {"a": ""})


def test_results_are_written_the_same_way_each_time(tmp_path):
    values = {"b": np.float32(0.1), "a": [np.int64(3), math.nan, True, None], "c": {"d": (1.23456789, 6e-8)}}
    results.write(tmp_path, "r", values)
    first = (tmp_path / "r.json").read_bytes()
    results.write(tmp_path, "r", values)
    assert (tmp_path / "r.json").read_bytes() == first
    assert results.read_all(tmp_path) == {"r": {"b": 0.1, "a": [3, None, True, None], "c": {"d": [1.2346, 6e-8]}}}


def test_only_files_that_the_manifest_names_are_measured(tmp_path):
    entry = {"file": "c.onnx", "name": "n", "version": "1", "status": "trained", "precision": "int8", "window": [0, 1], "size": 8}
    manifest.publish(tmp_path, "classifier", b"weights", entry | {"operating_point": 0.5, "licence": "none"})
    assert evaluate.shipped(tmp_path)["classifier"][1] == b"weights"
    assert evaluate.shipped(tmp_path)["classifier"][0]["sha256"] == hashlib.sha256(b"weights").hexdigest()
    (tmp_path / "c.onnx").write_bytes(b"others")
    with pytest.raises(ValueError, match="not the file that manifest.toml names"):
        evaluate.shipped(tmp_path)


def test_speed_measures_each_file_with_each_number_of_threads():
    identity = helper.make_graph(
        [helper.make_node("Identity", ["hu"], ["y"])],
        "g",
        [helper.make_tensor_value_info("hu", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 8, 8])],
    )
    model = helper.make_model(identity, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    found = speed.measure({"classifier": model}, np.zeros((8, 8)), threads=(1,), rounds=1, side=32)
    names = ["classifier", "classifier, OpenVINO", "VGG-16 convolutions, fp32"]
    assert [(r["name"], r["threads"]) for r in found["rows"]] == [(name, 1) for name in names]
    assert found["rows"][0]["ms"] < found["rows"][2]["ms"]


def test_the_reference_is_vgg16():
    model = speed.reference(64)
    onnx.checker.check_model(model, full_check=True)
    # 13 convolutions without the 4,224 biases, which cost nothing: 14,714,688 parameters with them.
    assert sum(np.prod(w.dims) for w in model.graph.initializer) == 14_714_688 - 4_224


@pytest.mark.parametrize(
    ("options", "typed", "sets"),
    [
        ("--iterations 5 --pretrained /home/x/p.pt", "--iterations 5 --pretrained p.pt", []),
        ("--seed 1 --without ['covid_ct', 'seg20rp']", "--seed 1 --without covid_ct --without seg20rp", ["covid_ct", "seg20rp"]),
        ("", "", []),
    ],
)
def test_options_of_a_run_as_they_are_typed(options, typed, sets):
    assert provenance.repeatable(options) == typed
    assert provenance.left_out(options) == sets


@pytest.mark.parametrize("name", ["precision", "architecture-unet", "source-covid_ct"])
def test_names_of_experiments(name):
    assert experiment.parser().parse_args([name]).name == name


@pytest.mark.parametrize("name", ["unet", "speed", "evaluation", "mixing-", "mixing-a/b"])
def test_other_names_are_refused(name, capsys):
    with pytest.raises(SystemExit):
        experiment.parser().parse_args([name])
    assert "not precision and not one of" in capsys.readouterr().err


def test_a_left_out_set_is_judged_in_all_splits(bench):
    row = experiment.examine_left_out(Oracle(), bench, "seg20")
    assert (row["name"], row["slices"], row["auc"]) == ("seg20", 30, 1.0)


@pytest.mark.parametrize(
    ("source", "options", "pretrained", "refused"),
    [
        ("covid_ct", "--without ['seg20rp']", None, "trained without covid_ct"),
        ("seg20rp", "--without ['seg20rp']", None, None),
        ("seg20rp", "--pretrained p.pt --without ['seg20rp']", "--seed 1", "pretrained without the masks of seg20rp"),
        ("seg20rp", "--pretrained p.pt --without ['seg20rp']", None, "pretrained without the masks of seg20rp"),
        ("seg20rp", "--pretrained p.pt --without ['seg20rp']", "--without ['seg20', 'seg20rp']", None),
        ("covid_ct", "--pretrained p.pt --without ['covid_ct']", "--seed 1", None),  # the set has no masks
    ],
)
def test_a_source_experiment_needs_a_run_without_the_source(source, options, pretrained, refused):
    state = {"depth": 50, "options": options} | ({} if pretrained is None else {"pretrained_options": pretrained})
    if refused is None:
        experiment.check_left_out(state, source, "c.pt")
        return
    with pytest.raises(SystemExit, match=refused):
        experiment.check_left_out(state, source, "c.pt")


def test_nothing_is_recorded_of_a_run_that_has_seen_the_source(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(held_out, "load_bench", lambda folder, every: bench)
    monkeypatch.setattr(experiment.checkpoint, "load", lambda path: {"depth": 50, "options": "--without ['seg20rp']"})
    arguments = experiment.parser().parse_args(["source-covid_ct", "--checkpoint", "c.pt", "--results", str(tmp_path)])
    with pytest.raises(SystemExit, match="trained without covid_ct"):
        experiment.record(arguments)
    assert not list(tmp_path.iterdir())

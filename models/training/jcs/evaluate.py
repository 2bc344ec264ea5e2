"""Measure the shipped networks and rewrite the tables and plots of docs/model-card.md.

    python -m jcs.evaluate                        # `make evaluate`
    python -m jcs.evaluate --quick --docs /tmp/card --results /tmp/card   # a thinned run, to see whether it works

Everything comes from models/manifest.toml's ONNX files, the training sets' validation and test splits, and the studies beside them. It
fails where something judged on was trained on. Recorded experiments (jcs.experiment) are shown as they lie in the results folder.
"""

import argparse
import dataclasses
import hashlib
import pathlib
import shutil

import numpy as np
import onnxruntime

from jcs import (
    calibration,
    card,
    data,
    distance,
    engine,
    examine,
    leakage,
    manifest,
    measure,
    metrics,
    plots,
    results,
    robustness,
    severity,
    smoothing,
    speed,
    studies,
    validate,
    worst,
)
from jcs.held_out import Bench, groups, load_bench

QUICK = 12  # each so many-th slice of a patient
THRESHOLDS = (15, 20, 25, 30, 35)  # JCS Table IV, and one more
# mm; the distance of the planes of these volumes is not known, and what `near` costs depends on it.
FREE_SETS = ("luna", "emph")  # without lesions that a segmenter should mark, where `lesion` is known
ASSUMED_STEPS = {"seg20": (1.0, 2.0), "seg20rp": (5.0, 8.0)}


def examine_classifier(
    network: onnxruntime.InferenceSession, bench: Bench, threshold: float
) -> tuple[dict, dict[tuple[str, str], measure.Reading]]:
    """Tables, and the reading of each slice by (set, file)."""
    slices = bench.slices + bench.study_slices
    readings = measure.ask_classifier(network, slices)
    by_slice = {(s.source, s.file): reading for s, reading in zip(slices, readings)}
    shown = [s for s in bench.masked() if s.label == 1]
    pointings = [measure.pointing(s, by_slice[s.source, s.file].activation) for s in shown]
    score = np.array([r.probability for r in readings])
    return {"slices": measure.classifications(groups(), slices, score, threshold), "activation": measure.pointings(pointings)}, by_slice


def examine_segmenter(masks: list[np.ndarray], slices: list[data.Slice]) -> tuple[dict, list[dict]]:
    """Tables over slices with known lesions, and what is known of each slice."""
    judged = [measure.judge(s, mask) for s, mask in zip(slices, masks)]
    return measure.overlaps(judged) | {"spread": measure.spreads(judged)}, judged


def examine_patients(bench: Bench, readings: dict[tuple[str, str], measure.Reading], threshold: float) -> dict:
    volumes = bench.volumes()
    positives = [np.array([readings[s.source, s.file].probability >= threshold for s in v.slices]) for v in volumes]
    table = measure.patient_thresholds(volumes, positives, THRESHOLDS)
    return {"volumes": [measure.patient(v, p) for v, p in zip(volumes, positives)], "thresholds": table}


Scores = dict[str, dict[str, np.ndarray]]


def changed_scores(network: onnxruntime.InferenceSession, scans: list[studies.Study]) -> Scores:
    """Study -> change of jcs.robustness -> probability of each slice."""

    def seen(study: studies.Study, change: robustness.Change) -> list[data.Slice]:
        return [dataclasses.replace(s, hu=robustness.changed(s.hu, change, i, studies.KEPT)) for i, s in enumerate(study.slices)]

    return {
        study.name: {name: validate.classify(network, seen(study, change)) for name, change in robustness.CHANGES.items()}
        for study in scans
    }


def examine_changes(scores: Scores, scans: list[studies.Study], threshold: float) -> list[dict]:
    """The studies under each change: how many mm are positive, and the AUC where slices are labelled both ways."""
    rows = []
    for name in robustness.CHANGES:
        row: dict = {"name": name, "studies": []}
        for study in scans:
            score, label = scores[study.name][name], np.array([s.label for s in study.slices])
            volume = measure.Volume(study.name, study.name == studies.COVID_STUDY, study.slices, study.positions)
            said = measure.patient(volume, score >= threshold)
            area = metrics.auc(score, label) if 0 < label.sum() < len(label) else None
            row["studies"].append({key: said[key] for key in ("name", "positive_slices", "positive_mm")} | {"auc": area})
        rows.append(row)
    return rows


def examine_smoothing(scores: Scores, bench: Bench, readings: dict[tuple[str, str], measure.Reading], threshold: float) -> list[dict]:
    """By study: jcs.smoothing; before them the validation volumes with drawn lesions, for assumed distances."""

    def labels(slices: list[data.Slice]) -> np.ndarray:
        return np.array([np.nan if s.label is None else s.label for s in slices])

    rows = []
    for volume in bench.volumes():
        for step in ASSUMED_STEPS.get(volume.slices[0].source, ()):
            positions = step * np.array([bench.places[s.source, s.file] for s in volume.slices])
            said = {"as it is": np.array([readings[s.source, s.file].probability for s in volume.slices])}
            table = smoothing.table(said, labels(volume.slices), positions, threshold)
            rows.append({"name": f"{volume.name}, {step:g} mm assumed", "covid": True, "rows": table})
    for study in bench.studies:
        table = smoothing.table(scores[study.name], labels(study.slices), study.positions, threshold)
        rows.append({"name": study.name, "covid": study.name == studies.COVID_STUDY, "rows": table})
    return rows


def examine_lungs(content: bytes, size: int, bench: Bench, point: float, threads: int) -> dict:
    """What the classifier makes of lungs that are sick otherwise, and why: jcs.examine of the served file, with the studies."""
    labelled = [s for s in bench.slices + bench.study_slices if s.label is not None and s.split != "test"]
    return examine.report(examine.Served(content, threads), labelled, bench.everything + bench.study_slices, point, size, "fp32")


def examine_distance(network: onnxruntime.InferenceSession, bench: Bench, at_most: float) -> dict:
    """How unlike the training slices everything is, and things that are no chest."""

    def of(slices: list[np.ndarray]) -> np.ndarray:
        return np.array([network.run(["distance"], {"hu": hu.astype(np.float32)[None, None]})[0][0] for hu in slices])

    things = {name: [s.hu for s in bench.slices if (s.source, s.split) == (name, "val")] for name in data.SCANS}
    things |= {study.name: [s.hu for s in study.slices] for study in bench.studies}
    some = [s.hu for s in bench.study_slices[:: max(1, len(bench.study_slices) // 12)]]
    things |= {"phantom": [distance.phantom()], "slices with black and white exchanged": [distance.inverted(hu) for hu in some]}
    rows = []
    for name, slices in things.items():
        if slices:
            values = of(slices)
            said = distance.verdict(values, at_most)
            beyond = measure.share(values > at_most)
            rows.append({"name": name, "slices": len(values), "median": said.median, "beyond": beyond, "unlike": said.unlike})
    return {"limit": at_most, "rows": rows}


def examine_near(
    bench: Bench, readings: dict[tuple[str, str], measure.Reading], threshold: float, covid_masks: list[np.ndarray]
) -> list[dict]:
    """On covid_p001 by the segmenter's own masks; on volumes with drawn lesions by these, for assumed distances."""
    rows = []
    for volume in bench.volumes():
        positive = np.array([readings[s.source, s.file].probability >= threshold for s in volume.slices])
        source = volume.slices[0].source
        if volume.name == studies.COVID_STUDY:
            rows.append(measure.near_cost(volume.name, positive, volume.positions, np.array([m.sum() for m in covid_masks]), "known"))
        for step in ASSUMED_STEPS.get(source, ()):
            positions = step * np.array([bench.places[source, s.file] for s in volume.slices])
            lesions = np.array([s.lesion.sum() for s in volume.slices])
            rows.append(measure.near_cost(volume.name, positive, positions, lesions, f"{step:g} mm assumed"))
    return rows


def examine_false_marks(bench: Bench, masks: dict[tuple[str, str], np.ndarray]) -> list[dict]:
    free = [s for s in bench.masked() if not s.lesion.any()]
    lists = {"seg20 and seg20rp val, slices without lesions": free}
    for study in bench.studies:
        name = f"{study.name}, slices without infection" if study.name == studies.COVID_STUDY else study.name
        lists[name] = [s for s in study.slices if s.label == 0]
    lists["cap002 (other pneumonia)"] = [s for s in bench.slices if s.source == "ctmd"]
    lists |= {f"{name} val": [s for s in bench.slices if s.source == name and s.lesion is not None] for name in FREE_SETS}
    rows = []
    for name, members in lists.items():
        if members:
            found = [masks[s.source, s.file] for s in members]
            rows.append(measure.false_marks(name, [int(m.sum()) for m in found], [m.size for m in found]))
    return rows


def examine_engines(
    slices: list[data.Slice],
    readings: tuple[list[measure.Reading], list[measure.Reading]],
    masked: list[data.Slice],
    masks: tuple[list[np.ndarray], list[np.ndarray]],
) -> dict:
    """What ONNX Runtime and OpenVINO reach with the same files, and how far they are apart: readings of `slices`, masks of `masked`."""
    label = np.array([s.label for s in slices if s.label is not None])
    rows = []
    for name, read, marked in zip(("ONNX Runtime", "OpenVINO"), readings, masks):
        score = np.array([r.probability for s, r in zip(slices, read) if s.label is not None])
        rows.append({"name": name, "auc": metrics.auc(score, label), "dice": examine_segmenter(marked, masked)[0]["by_set"][-1]["dice"]})
    apart = [abs(a.probability - b.probability) for a, b in zip(*readings)]
    alike = [metrics.dice(a, b) for a, b in zip(*masks)]
    return {
        "rows": rows,
        "slices": {"classified": len(apart), "auc": len(label), "dice": len(alike)},
        "probability_apart": {"mean": float(np.mean(apart)), "largest": max(apart)},
        "masks_alike": {"mean": float(np.mean(alike)), "worst": min(alike)},
    }


def shipped(folder: pathlib.Path) -> dict[str, tuple[dict, bytes]]:
    """Manifest entry and content of each network, the content checked against the entry."""
    found = {}
    for name, entry in manifest.read(folder).items():
        content = (folder / entry["file"]).read_bytes()
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise ValueError(f"{folder / entry['file']} is not the file that manifest.toml names")
        found[name] = entry, content
    return found


def keep_before(folder: pathlib.Path, entry: dict) -> None:
    """When other networks are measured for the first time, what was measured of those before is kept beside."""
    known = results.read_all(folder).get(results.EVALUATION, {})
    before = known.get("networks", {}).get("classifier")
    if before and before["sha256"] != entry["sha256"] and "lungs" in known:
        results.write(folder, results.BEFORE, {"version": before["version"], "lungs": known["lungs"]})


def examples(bench: Bench, readings: dict[tuple[str, str], measure.Reading]) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Slices of seg20's validation patients, chosen by the size of their lesions and not by the result."""
    chosen = []
    for name in sorted({s.patient for s in bench.masked() if s.source == "seg20"}):
        members = sorted((s for s in bench.masked() if s.patient == name and s.label == 1), key=lambda s: (s.lesion.sum(), s.file))
        for part in (0.25, 0.75):
            item = members[int(part * (len(members) - 1))]
            reading = readings[item.source, item.file]
            title = f"{pathlib.Path(item.file).stem}, p = {reading.probability:.2f}"
            chosen.append((title, item.hu, item.lesion, measure.over_slice(reading.activation, *item.hu.shape)))
    return chosen


def draw(folder: pathlib.Path, bench: Bench, readings: dict[tuple[str, str], measure.Reading], judged: list[dict], point: float) -> None:
    labelled = [s for s in bench.slices + bench.study_slices if s.label is not None]
    curves = {}
    for name in ("covid_ct val", "covid_ct test", "seg20 val", "seg20rp val", studies.COVID_STUDY, "scans, all"):
        members = [s for s in labelled if groups()[name](s)]
        label = np.array([s.label for s in members])
        if len(set(label)) == 2:
            curves[name] = np.array([readings[s.source, s.file].probability for s in members]), label
    plots.roc(folder / "roc.png", curves, point)
    lesions = [j for j in judged if j["drawn"]]
    by_regions = [
        (row_name, np.array([j["dice"] for j in lesions if first <= j["regions"] <= last]))
        for row_name, first, last in measure.region_bins()
    ]
    plots.dice_spread(folder / "dice.png", judged, by_regions)
    plots.activation_examples(folder / "activation.png", examples(bench, readings))


def draw_worst(folder: pathlib.Path, wrong: dict[str, list[worst.Found]], masks: dict[tuple[str, str], np.ndarray]) -> None:
    """A sheet for each kind of error."""
    for kind, found in wrong.items():
        marked = [masks.get((f.item.source, f.item.file)) if kind in (worst.OUTLINE, worst.FALSE) else None for f in found]
        pictures = [(f"{f.name[:24]}, {f.value:.3g}", f.item.hu, f.item.lesion, mask) for f, mask in zip(found, marked)]
        plots.sheet(folder / f"worst-{kind.replace(' ', '-')}.jpg", pictures)


def evaluate(arguments: argparse.Namespace) -> None:
    every = QUICK if arguments.quick else 1
    networks = shipped(arguments.models)
    bench = load_bench(arguments.data, every)
    values: dict = {
        "thinned": every,
        "networks": {name: {k: v for k, v in entry.items() if k != "window"} for name, (entry, _) in networks.items()},
    }
    values["leakage"] = leakage.check(bench.everything, bench.study_slices)
    values["near_duplicates"] = leakage.near_duplicates(bench.everything, bench.study_slices)
    values["other_levels"] = [row for row in (leakage.other_levels(bench.everything, name) for name in data.SETS) if row]
    print("no leak found:", values["leakage"], flush=True)

    (entry, content) = networks["classifier"]
    point = entry["operating_point"]
    network = validate.session(content, arguments.threads)
    tables, readings = examine_classifier(network, bench, point)
    values |= tables | {"patients": examine_patients(bench, readings, point)}
    scores = changed_scores(network, bench.studies)
    values["changes"] = examine_changes(scores, bench.studies, point)
    values["smoothing"] = examine_smoothing(scores, bench, readings, point)
    values["lungs"] = examine_lungs(content, entry["size"], bench, point, arguments.threads)
    if "distance" in entry:
        values["distance"] = examine_distance(network, bench, entry["distance"]["limit"])
    print("classifier measured", flush=True)

    (entry, content) = networks["segmenter"]
    network = validate.session(content, arguments.threads)
    marked = bench.masked() + bench.study_slices + [s for s in bench.slices if s.source == "ctmd" or s.source in FREE_SETS]
    probability = dict(zip(((s.source, s.file) for s in marked), measure.ask_probability(network, marked)))
    masks = {key: values >= entry["operating_point"] for key, values in probability.items()}
    drawn = bench.masked()
    values["segmentation"], judged = examine_segmenter([masks[s.source, s.file] for s in drawn], drawn)
    values["pixels"] = calibration.of_pixels(drawn, [probability[s.source, s.file] for s in drawn])
    values["severity"] = severity.severity(drawn, [masks[s.source, s.file] for s in drawn])
    values["false_marks"] = examine_false_marks(bench, masks)
    looked = bench.slices + bench.study_slices
    wrong = worst.of_classifier(looked, [readings[s.source, s.file] for s in looked], point)
    wrong |= worst.of_segmenter(marked, [masks[s.source, s.file] for s in marked])
    values["worst"] = worst.listed(wrong)
    covid = next(s for s in bench.studies if s.name == studies.COVID_STUDY)
    values["near"] = examine_near(bench, readings, point, [masks[s.source, s.file] for s in covid.slices])
    print("segmenter measured", flush=True)

    if engine.miscalculates():
        before = results.read_all(arguments.results).get(results.EVALUATION, {})
        values |= {"engines": before["engines"]} if "engines" in before else {}
        print("OpenVINO not measured, since this processor has no VNNI: what was measured elsewhere stays", flush=True)
    else:
        judged_slices, masked = bench.slices + bench.study_slices, bench.masked()
        others = {name: engine.OpenVINO(content, arguments.threads) for name, (_, content) in networks.items()}
        values["engines"] = examine_engines(
            judged_slices,
            ([readings[s.source, s.file] for s in judged_slices], measure.ask_classifier(others["classifier"], judged_slices)),
            masked,
            ([masks[s.source, s.file] for s in masked], measure.ask_segmenter(others["segmenter"], masked, entry["operating_point"])),
        )
        print("OpenVINO measured", flush=True)
    keep_before(arguments.results, networks["classifier"][0])
    results.write(arguments.results, results.EVALUATION, values)

    if not arguments.no_speed:
        middle = covid.slices[len(covid.slices) // 2].hu
        files = {name: content for name, (_, content) in networks.items()}
        results.write(arguments.results, results.SPEED, speed.measure(files, middle, rounds=1 if arguments.quick else speed.ROUNDS))
        print("speed measured", flush=True)
    path = arguments.docs / card.NAME
    if not path.exists():
        arguments.docs.mkdir(parents=True, exist_ok=True)
        shutil.copy(card.default_folder() / card.NAME, path)
    draw(arguments.docs / card.PICTURES, bench, readings, judged, point)
    draw_worst(arguments.docs / card.PICTURES, wrong, masks)
    card.rewrite(path, results.read_all(arguments.results))
    print(f"wrote {path}")


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help=f"each {QUICK}th slice only: not for the card of the repository")
    arguments.add_argument("--no-speed", action="store_true", help="keep the timings of results/speed.json")
    arguments.add_argument("--models", type=pathlib.Path, default=manifest.models_folder(), help="folder of manifest.toml (%(default)s)")
    arguments.add_argument(
        "--data", type=pathlib.Path, default=None, help="folder of the training sets, `ct` beside it (JCS_DATA, or ../shared/data/train)"
    )
    arguments.add_argument(
        "--docs", type=pathlib.Path, default=card.default_folder(), help="where the card and its pictures are (%(default)s)"
    )
    arguments.add_argument("--results", type=pathlib.Path, default=results.default_folder(), help="JSON files (%(default)s)")
    arguments.add_argument("--threads", type=int, default=2)
    return arguments


def main() -> None:
    arguments = parser().parse_args()
    if arguments.quick and (arguments.docs == card.default_folder() or arguments.results == results.default_folder()):
        raise SystemExit("--quick needs --docs and --results: its numbers are not for the repository's card")
    evaluate(arguments)


if __name__ == "__main__":
    main()

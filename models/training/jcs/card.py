"""The model card's tables: results in, Markdown between its markers out.

    python -m jcs.card        # again from the results that are there, without measuring

The card's prose is written by hand around sections `<!-- begin: NAME -->` ... `<!-- end: NAME -->`.
"""

import argparse
import pathlib
import re

from jcs import intervals, results, speed

NAME, PICTURES = "model-card.md", "model-card"
NONE = "–"
# As the papers' authors report them (JCS Tables IV and V), on their own data.
PAPER_PATIENTS = {15: (0.960, 0.915), 20: (0.950, 0.920), 25: (0.950, 0.930), 30: (0.945, 0.935)}
PAPER_SEGMENTATION = {
    "U-Net": (0.651, 0.541, 0.797),
    "DSS": (0.657, 0.517, 0.799),
    "EGNet": (0.693, 0.554, 0.836),
    "PoolNet": (0.697, 0.559, 0.839),
    "JCS": (0.775, 0.652, 0.924),
    "JCS†": (0.783, 0.665, 0.925),
}
PAPER_SECONDS = (1.0, 18.0)  # 300 slices classified, and segmented, on an RTX 2080 Ti


def default_folder() -> pathlib.Path:
    return pathlib.Path(__file__).resolve().parents[3] / "docs"


# Markdown.


def table(headers: list[str], rows: list[list[str]], texts: int = 1) -> str:
    """The first `texts` columns left, the others, numbers, right."""
    lines = [headers, ["---"] * texts + ["---:"] * (len(headers) - texts), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def number(value: float | None, digits: int = 3) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    return NONE if value is None else f"{100 * value:.{digits}f} %"


def between(interval: list[float] | tuple[float, float] | None) -> str:
    return "" if interval is None else f" ({interval[0]:.2f} to {interval[1]:.2f})"


def ratio(share: list[int]) -> str:
    """A share with its interval, and what it is a share of."""
    count, total = share
    return f"{count / total:.3f}{between(intervals.wilson(count, total))}, {count}/{total}" if total else NONE


def counts(share: list[int]) -> str:
    count, total = share
    return f"{count}/{total}" if total else NONE


# Tables of what is measured on every run.


def networks(evaluation: dict) -> str:
    rows = [
        [
            e["file"],
            e["name"],
            e["version"],
            e["status"],
            e["precision"],
            f"{e['size']} x {e['size']}",
            f"{e['operating_point']:g}",
            f"`{e['sha256'][:12]}`",
        ]
        for e in evaluation["networks"].values()
    ]
    text = table(["file", "network", "version", "status", "precision", "inside", "operating point", "sha256"], rows, texts=8)
    if evaluation["thinned"] > 1:
        text += f"\n\n**A thinned run: every {evaluation['thinned']}th slice. These numbers are for trying the program, not for reading.**"
    return text


def slices(evaluation: dict) -> str:
    rows = []
    for r in evaluation["slices"]:
        area = NONE if r["auc"] is None else f"{number(r['auc'])}{between(r['auc_interval'])}"
        positives = f"{r['positives']}/{r['slices']}"
        rows.append(
            [
                r["name"],
                positives,
                str(r["patients"] or "unknown"),
                area,
                r.get("drawn") or NONE,
                ratio(r["sensitivity"]),
                ratio(r["specificity"]),
            ]
        )
    return table(["slices of", "positive", "patients", "AUC (95 % CI)", "CI drawn by", "sensitivity", "specificity"], rows)


def patients(evaluation: dict) -> str:
    rows = []
    for v in evaluation["patients"]["volumes"]:
        step, length = (NONE if v[key] is None else f"{v[key]:.0f}" for key in ("step_mm", "positive_mm"))
        rows.append([v["name"], "COVID-19" if v["covid"] else "other", str(v["slices"]), step, str(v["positive_slices"]), length])
    return table(["patient", "truth", "slices", "slice distance, mm", "positive slices", "they stand for, mm"], rows, texts=2)


def thresholds(evaluation: dict) -> str:
    rows = []
    by_slices, by_mm = (evaluation["patients"]["thresholds"][key] for key in ("slices", "mm"))
    for a, b in zip(by_slices, by_mm):
        paper = PAPER_PATIENTS.get(a["threshold"])
        rows.append([str(a["threshold"]), *(ratio(r[key]) for r in (a, b) for key in ("sensitivity", "specificity"))])
        rows[-1].append(f"{paper[0]:.3f} / {paper[1]:.3f}" if paper else NONE)
    return table(
        ["more than", "slices: sensitivity", "slices: specificity", "mm: sensitivity", "mm: specificity", "paper, its own data"], rows
    )


def changes(evaluation: dict) -> str:
    found = evaluation["changes"]
    headers = [f"{s['name']}, mm" for s in found[0]["studies"]]
    labelled = [i for i, s in enumerate(found[0]["studies"]) if s["auc"] is not None]
    headers += [f"AUC in {found[0]['studies'][i]['name']}" for i in labelled]
    rows = [
        [r["name"], *(f"{s['positive_mm']:.0f}" for s in r["studies"]), *(number(r["studies"][i]["auc"]) for i in labelled)] for r in found
    ]
    return table(["the study", *headers], rows)


def overlap_rows(rows: list[dict]) -> list[list[str]]:
    keys = ("dice", "iou", "e_measure", "volume_dice", "volume_iou")
    return [
        [r["name"], f"{r['with_lesion']}/{r['slices']}", str(r["patients"] or "unknown"), *(number(r[key]) for key in keys)] for r in rows
    ]


def segmentation(evaluation: dict) -> str:
    found = evaluation["segmentation"]
    headers = ["", "slices with lesion", "patients", "Dice", "IoU", "E-measure", "Dice as one volume", "IoU as one volume"]
    return "\n\n".join(
        table([name, *headers[1:]], overlap_rows(found[key])) for name, key in (("set", "by_set"), ("patient", "by_patient"))
    )


def comparison(evaluation: dict) -> str:
    rows = [[f"{name}, as the paper reports on its own data", *(number(v) for v in values)] for name, values in PAPER_SEGMENTATION.items()]
    mean = evaluation["segmentation"]["by_set"][-1]
    rows.append(["**shipped here, mean of our three sets**", *(f"**{number(mean[key])}**" for key in ("dice", "iou", "e_measure"))])
    return table(["network", "Dice", "IoU", "E-measure"], rows)


def false_marks(evaluation: dict) -> str:
    rows = [[r["name"], ratio(r["any"]), ratio(r["noticeable"]), percent(r["mean_share"], 2)] for r in evaluation["false_marks"]]
    return table(["slices without COVID-19 lesions", "any pixel marked", "more than 0.1 % of the slice", "mean share of the slice"], rows)


def spread(evaluation: dict) -> str:
    def rows(found: list[dict]) -> list[list[str]]:
        return [
            [r["name"], str(r["slices"]), *(number(q) for q in r["quartiles"] or [None] * 3), counts(r["good"]), counts(r["failed"])]
            for r in found
        ]

    headers = ["slices", "lower quartile", "median", "upper quartile", "0.6 and above", "below 0.1"]
    found = evaluation["segmentation"]["spread"]
    return "\n\n".join(
        [
            table(["lesion area, share of the frame", *headers], rows(found["by_area"] + found["all"])),
            table(["lesions", *headers], rows(found["by_regions"])),
        ]
    )


def activation_row(r: dict) -> list[str]:
    shares = [f"{ratio(r['hit'])}", percent(r["chance_hit"]), f"{ratio(r['near_hit'])}", percent(r["chance_near"])]
    return [str(r["slices"]), *shares, percent(r["energy"]), percent(r["lung_energy"]), percent(r["lung_chance"])]


ACTIVATION = [
    "slices",
    "maximum in a lesion",
    "chance",
    "within 15 px",
    "chance",
    "energy in lesions",
    "of the energy in the lungs",
    "lesions' share of the lungs",
]


def activation(evaluation: dict) -> str:
    return table(["set", *ACTIVATION], [[r["name"], *activation_row(r)] for r in evaluation["activation"]])


def near(evaluation: dict) -> str:
    rows = [
        [
            r["name"],
            r["step"],
            f"{r['segmented']}/{r['slices']}",
            percent(1 - r["segmented"] / r["slices"]),
            percent(r["lost"], 2),
            str(r["lesion_voxels"]),
        ]
        for r in evaluation["near"]
    ]
    return table(["patient", "slice distance", "slices segmented", "slices saved", "lesion voxels lost", "lesion voxels"], rows, texts=2)


def leakage(evaluation: dict) -> str:
    looked, alike = evaluation["leakage"], evaluation["near_duplicates"]
    most = alike["most_alike"]
    seen = (
        f"Looked at: {looked['slices']} slices of {looked['patients']} patients (a slice of unknown patient counts as one), "
        f"{looked['study_slices']} slices of the studies; training can draw {looked['slices_drawn_by_training']} of the former. "
        "No patient, file or picture is in two splits; nothing of the studies is in the training sets; "
        "training draws from the split `train` alone and validates on `val` alone."
    )
    judged, trained = alike["compared"]
    duplicates = (
        f"Near duplicates (24 x 24 thumbnails that correlate above {alike['threshold']}) among {judged} judged "
        f"and {trained} training slices: "
        f"{len(alike['pairs'])}. Most alike: {most['judged']} and {most['trained_on']}, {most['correlation']:.3f}."
    )
    pairs = "\n".join(f"- {p['correlation']:.3f}: {p['judged']} and {p['trained_on']}" for p in alike["pairs"])
    return "\n\n".join(part for part in (seen, duplicates, pairs) if part)


def engines(evaluation: dict) -> str:
    if "engines" not in evaluation:
        return "Not measured."
    found = evaluation["engines"]
    of, apart, alike = found["slices"], found["probability_apart"], found["masks_alike"]
    rows = [[r["name"], number(r["auc"], 4), number(r["dice"], 4)] for r in found["rows"]]
    differences = (
        f"Probabilities of {of['classified']} slices differ by {number(apart['mean'], 4)} in the mean "
        f"and {number(apart['largest'])} at most; "
        f"masks have a Dice of {number(alike['mean'], 4)} with each other, {number(alike['worst'])} in the worst slice."
    )
    headers = ["engine", f"AUC, {of['auc']} slices", f"Dice, mean of the sets, {of['dice']} slices"]
    return f"{table(headers, rows)}\n\n{differences}"


def timings(found: dict) -> str:
    by_name: dict[str, dict[int, float]] = {}
    for r in found["rows"]:
        by_name.setdefault(r["name"], {})[r["threads"]] = r["ms"]
    threads = sorted({r["threads"] for r in found["rows"]})
    reference = next(name for name in by_name if name.startswith("VGG-16"))
    headers = ["ms per slice", *(f"{n} thread{'s' * (n > 1)}" for n in threads), *(f"ratio to VGG-16, {n}" for n in threads)]
    rows = [
        [name, *(f"{ms[n]:.1f}" for n in threads), *(f"{ms[n] / by_name[reference][n]:.3f}" for n in threads)]
        for name, ms in by_name.items()
    ]
    most = threads[-1]
    case = speed.case_seconds(by_name["classifier"][most], by_name["segmenter"][most])
    positive, whole = speed.CASE_POSITIVE, speed.CASE_SLICES
    cases = table(
        ["a study of 300 slices, seconds (computed)", "classify", f"segment {positive}", f"segment all {whole}"],
        [
            [f"shipped, {most} threads", *(number(case[key], 1) for key in ("classify", "segment_positive", "segment_all"))],
            ["paper, RTX 2080 Ti", number(PAPER_SECONDS[0], 1), NONE, number(PAPER_SECONDS[1], 1)],
        ],
    )
    size = f"{found['side']} x {found['side']}"
    where = (
        f"Depends on the machine: {found['processor']}, ONNX Runtime {found['runtime']}, OpenVINO {found['openvino']}, "
        f"{size}, medians of {found['rounds']} rounds."
    )
    return "\n\n".join([where, table(headers, rows), cases])


# Tables of experiments whose networks are not shipped.


def command(record: dict) -> str:
    given = record["provenance"]
    lines = [
        f"python -m jcs.train_{record['kind']} {given['options']}".rstrip(),
        f"python -m jcs.experiment {record['name']} --checkpoint CHECKPOINT",
    ]
    if "pretrained" in given:
        lines.insert(0, f"python -m jcs.pretrain_classifier {given['pretrained']}".rstrip())
    if "refit" in given:
        lines.insert(-1, f"python -m jcs.refit_classifier --checkpoint CHECKPOINT {given['refit']}")
    return "\n".join(f"    {line}" for line in lines)


def origin(record: dict) -> list[str]:
    given = record["provenance"]
    if given is None:
        return [NONE, NONE]
    return [str(given["iteration"]), number(given["minutes"], 0)]


def recorded(body: str, records: list[dict]) -> str:
    commands = "\n\n".join(f"{r['variant']}:\n\n{command(r)}" for r in records if r["provenance"] is not None)
    note = "" if all(r["thinned"] == 1 for r in records) else " **Some from thinned runs: for trying the program, not for reading.**"
    return f"Recorded, needs training to repeat.{note}\n\n{body}\n\n<details><summary>commands</summary>\n\n{commands}\n\n</details>"


def segmenter_records(records: list[dict]) -> str:
    rows = []
    for r in records:
        found = r["result"]["segmentation"]["by_set"]
        rows.append(
            [r["variant"], *origin(r), f"{r['result']['threshold']:g}", *(number(found[-1][key]) for key in ("dice", "iou", "e_measure"))]
        )
        rows[-1] += [number(next((s["dice"] for s in found if s["name"] == name), None)) for name in ("seg20", "seg20rp", "ct100")]
    headers = ["network", "iterations", "minutes", "threshold", "Dice", "IoU", "E-measure", "Dice seg20", "seg20rp", "ct100"]
    return recorded(table(headers, rows), records)


def classifier_records(records: list[dict]) -> str:
    """AUC by group of slices, and where the activation map points."""

    def area(record: dict, name: str) -> str:
        row = next((s for s in record["result"]["slices"] if s["name"] == name), None)
        return NONE if row is None else number(row["auc"])

    names = ("scans, all", "covid_ct val", "covid_ct test", "seg20 val", "covid_p001")
    areas = table(
        ["variant", "iterations", "minutes", *(f"AUC {n}" for n in names)],
        [[r["variant"], *origin(r), *(area(r, n) for n in names)] for r in records],
    )
    maps = table(["variant", *ACTIVATION], [[r["variant"], *activation_row(r["result"]["activation"][-1])] for r in records])
    return recorded(f"{areas}\n\n{maps}", records)


def source_records(records: list[dict]) -> str:
    rows = []
    for r in records:
        s = r["result"]["left_out"]
        area = NONE if s["auc"] is None else f"{number(s['auc'])}{between(s['auc_interval'])}"
        rows.append(
            [
                f"{s['name']}, all splits",
                *origin(r),
                f"{s['positives']}/{s['slices']}",
                area,
                ratio(s["sensitivity"]),
                ratio(s["specificity"]),
            ]
        )
    return recorded(
        table(["trained without, tested on", "iterations", "minutes", "positive", "AUC (95 % CI)", "sensitivity", "specificity"], rows),
        records,
    )


def precision_record(record: dict) -> str:
    found = record["result"]
    agreement = table(
        ["PyTorch against ONNX in fp32", "slices", "largest difference", "mean difference", "largest value"],
        [
            [f"`{r['output']}`", str(r["slices"]), f"{r['largest']:.0e}", f"{r['mean']:.0e}", f"{r['scale']:.2g}"]
            for r in found["agreement"]
        ],
    )
    rows = []
    for r in found["precisions"]:
        rows.append([r["precision"], f"{r['classifier_mb']:.1f}", number(r["auc"]), signed(r["auc_change"])])
        rows[-1] += [
            f"{r['segmenter_mb']:.1f}",
            number(r["dice"]),
            signed(r["dice_change"]),
            number(r["mask_agreement"]),
            number(r["mask_worst"]),
        ]
    headers = [
        "precision",
        "classifier, MB",
        "AUC",
        "change",
        "segmenter, MB",
        "Dice",
        "change",
        "masks against fp32 (mean Dice)",
        "worst slice",
    ]
    of, note = found["slices"], "" if record["thinned"] == 1 else " **A thinned run: for trying the program, not for reading.**"
    how = f"Recorded, needs the checkpoints to repeat: `{record['provenance']['command']}`{note}"
    changes = f"AUC over {of['auc']} labelled validation slices, Dice as the mean of the sets over {of['dice']}:"
    return f"{how}\n\n{agreement}\n\n{changes}\n\n{table(headers, rows)}"


def signed(value: float) -> str:
    return f"{value:+.4f}"


def shipped_records(evaluation: dict) -> dict[str, dict]:
    """The shipped networks in the form of records, for tables of those that were trained again."""
    common = {"variant": "shipped", "provenance": None, "thinned": evaluation["thinned"]}
    threshold = evaluation["networks"]["segmenter"]["operating_point"]
    return {
        "segmenter": common | {"result": {"threshold": threshold, "segmentation": evaluation["segmentation"]}},
        "classifier": common | {"result": {name: evaluation[name] for name in ("slices", "activation")}},
    }


EXPERIMENTS = {
    "architecture": segmenter_records,
    "mixing": classifier_records,
    "source": source_records,
    "pretraining": classifier_records,
    "segmenter": segmenter_records,
    "classifier": classifier_records,
}


def sections(found: dict[str, dict]) -> dict[str, str]:
    """Every section of the card; `found` holds the results by the name of their file."""
    evaluation = found[results.EVALUATION]
    measured = (
        networks,
        slices,
        patients,
        thresholds,
        changes,
        segmentation,
        comparison,
        false_marks,
        spread,
        activation,
        near,
        leakage,
        engines,
    )
    texts = {function.__name__.replace("_", "-"): function(evaluation) for function in measured}
    texts["speed"] = timings(found[results.SPEED]) if results.SPEED in found else "Not measured."
    nothing = "Not recorded yet."
    shipped = shipped_records(evaluation)
    for group, render in EXPERIMENTS.items():
        records = [r for _, r in sorted(found.items()) if r.get("group") == group]
        beside = [shipped[group]] if group in shipped else []
        texts[group] = render(beside + records) if records else nothing
    texts["precision"] = precision_record(found["precision"]) if "precision" in found else nothing
    return texts


MARKED = re.compile(r"(<!-- begin: (?P<name>[\w-]+) -->\n).*?(<!-- end: (?P=name) -->)", re.DOTALL)


def fill(text: str, content: dict[str, str]) -> str:
    """Put each section's content between its markers. Every section must be in the text, and every marker a section."""
    names = re.findall(r"<!-- begin: ([\w-]+) -->", text)
    if sorted(names) != sorted(content) or names != re.findall(r"<!-- end: ([\w-]+) -->", text):
        raise ValueError(f"the card has the sections {sorted(names)}, the results {sorted(content)}; each needs one begin and one end")
    return MARKED.sub(lambda m: f"{m[1]}{content[m['name']]}\n{m[3]}", text)


def rewrite(path: pathlib.Path, found: dict[str, dict]) -> None:
    path.write_text(fill(path.read_text(), sections(found)))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--docs", type=pathlib.Path, default=default_folder())
    arguments.add_argument("--results", type=pathlib.Path, default=results.default_folder())
    given = arguments.parse_args()
    rewrite(given.docs / NAME, results.read_all(given.results))


if __name__ == "__main__":
    main()

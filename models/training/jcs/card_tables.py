"""The model card's tables of what `jcs.evaluate` measures on every run: slices, patients, lesions, where the map points, cost."""

from jcs import speed
from jcs.markdown import NONE, between, counts, number, percent, ratio, table

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


TABLES = {
    "networks": networks,
    "slices": slices,
    "patients": patients,
    "thresholds": thresholds,
    "changes": changes,
    "segmentation": segmentation,
    "comparison": comparison,
    "false-marks": false_marks,
    "spread": spread,
    "activation": activation,
    "near": near,
    "leakage": leakage,
    "engines": engines,
}

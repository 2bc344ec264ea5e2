"""The model card's tables of experiments whose networks are not shipped, with the commands that repeat them."""

from jcs import export
from jcs.card_lungs import LOOKS
from jcs.card_tables import ACTIVATION, activation_row
from jcs.markdown import NONE, between, number, percent, ratio, table

SIZES = {"classifier": export.CLASSIFIER_SIZE, "segmenter": export.SEGMENTER_SIZE}


def command(record: dict) -> str:
    given = record["provenance"]
    lines = [
        f"python -m jcs.train_{record['kind']} {given['options']}".rstrip(),
        f"python -m jcs.experiment {record['name']} --checkpoint CHECKPOINT{judged(record)}",
    ]
    if "pretrained" in given:
        lines.insert(0, f"python -m jcs.pretrain_classifier {given['pretrained']}".rstrip())
    if "start" in given:
        lines[0] += f"    # from {given['start']}"
    if "begun_with" in given:
        lines[0] += f"    # begun with the checkpoint of {given['begun_with']}"
    if "refit" in given:
        lines.insert(-1, f"python -m jcs.refit_classifier --checkpoint CHECKPOINT {given['refit']}")
    return "\n".join(f"    {line}" for line in lines)


def judged(record: dict) -> str:
    """Options of what a network was judged on, where they are not the usual ones."""
    size = record["provenance"].get("size", SIZES[record["kind"]])
    words = [] if size == SIZES[record["kind"]] else [f" --{record['kind']}-size {size}"]
    return "".join(words + ([f" --every {record['thinned']}"] if record["thinned"] > 1 else []))


def origin(record: dict) -> list[str]:
    given = record["provenance"]
    if given is None:
        return [NONE, NONE]
    return [str(given["iteration"]), number(given["minutes"], 0)]


def recorded(body: str, records: list[dict]) -> str:
    commands = "\n\n".join(f"{r['variant']}:\n\n{command(r)}" for r in records if r["provenance"] is not None)
    every = sorted({r["thinned"] for r in records if r["thinned"] > 1})
    note = f" Some are judged on every {' or '.join(f'{k}th' for k in every)} slice." if every else ""
    return f"Recorded, needs training to repeat.{note}\n\n{body}\n\n<details><summary>commands</summary>\n\n{commands}\n\n</details>"


def segmenter_records(records: list[dict]) -> str:
    rows = []
    for r in records:
        found = r["result"]["segmentation"]["by_set"]
        rows.append(
            [r["variant"], *origin(r), f"{r['result']['threshold']:g}", *(number(found[-1][key]) for key in ("dice", "iou", "e_measure"))]
        )
        rows[-1] += [number(next((s["dice"] for s in found if s["name"] == name), None)) for name in ("seg20", "seg20rp", "ct100")]
        small = r["result"]["segmentation"]["spread"]["by_area"][0]["quartiles"]  # below 1 % of the frame
        rows[-1].append(number(small[1] if small else None))
    headers = ["network", "iterations", "minutes", "threshold", "Dice", "IoU", "E-measure", "Dice seg20", "seg20rp", "ct100"]
    headers.append("median of slices below 1 % lesion")
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
    """Sets with both labels, then sets without COVID-19, which only a look-matched AUC judges fairly."""
    rows, others = [], []
    for r in records:
        if "new_look" in r["result"]:
            others.append(new_look_row(r))
            continue
        s = r["result"]["left_out"]
        area = NONE if s["auc"] is None else f"{number(s['auc'])}{between(s['auc_interval'])}"
        positives = f"{s['positives']}/{s['slices']}"
        rows.append([f"{s['name']}, all splits", *origin(r), positives, area, ratio(s["sensitivity"]), ratio(s["specificity"])])
    headers = ["trained without, tested on", "iterations", "minutes"]
    tables = [table([*headers, "positive", "AUC (95 % CI)", "sensitivity", "specificity"], rows)] if rows else []
    looks = (f"AUC, {look}" for look in LOOKS)
    tables += [table([*headers, "operating point", "specificity", *looks], others)] if others else []
    return recorded("\n\n".join(tables), records)


def matched_areas(matched: dict) -> list[str]:
    """Of `seg20` / `seg20rp` by look."""
    return [" / ".join(number(kind[look]) for kind in matched.values()) or NONE for look in LOOKS]


def new_look_row(record: dict) -> list[str]:
    found = record["result"]["new_look"]
    source = record["name"].split("-", 1)[1]
    groups = [name for name in found["specificity"] if name.startswith(source)]  # pneu: adults and children
    right = [sum(found["specificity"][name]["right"][k] for name in groups) for k in (0, 1)]
    areas = matched_areas(found["look_matched"].get(groups[0], {}))
    return [f"{source}, all splits", *origin(record), number(found["operating_point"], 2), ratio(right), *areas]


ABLATED = ("luna", "emph", "iqoth", "tcga", "pneu adults", "pneu children")


def ablation_records(records: list[dict]) -> str:
    """Each at the operating point that the rule gives it."""
    rows, looked = [], []
    for r in records:
        found = r["result"]["lungs"]
        seen = [sum(share[k] for share in found["sensitivity"].values()) for k in (0, 1)]
        right = (number(share[0] / share[1]) for share in (found["specificity"][name]["right"] for name in ABLATED))
        rows.append([r["variant"], *origin(r), number(found["operating_point"], 2), number(seen[0] / seen[1]), *right])
        matched = [found["look_matched"][name] for name in ABLATED]
        areas = (number(sum(kind[LOOKS[-1]] for kind in by_kind.values()) / len(by_kind)) for by_kind in matched)
        shown = next(iter(found["maps"].values()))
        told = found["source_told"].get("mean")
        last = [number(found["auc"]["covid_ct"]), number(shown["cells_auc"]), percent(found["deletion"]["part"], 0), percent(told, 0)]
        looked.append([r["variant"], *areas, *last])
    first = ["variant", "iterations", "minutes", "operating point", "sensitivity, lesions of 1 %", *(f"specificity {n}" for n in ABLATED)]
    second = ["variant", *(f"AUC {n}, common look" for n in ABLATED), "AUC covid_ct", "cells' AUC, shown", "deletion", "set told"]
    return recorded(f"{table(first, rows)}\n\n{table(second, looked)}", records)


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
    "ablation": ablation_records,
    "variant": segmenter_records,
    "pretraining": classifier_records,
    "segmenter": segmenter_records,
    "classifier": classifier_records,
}

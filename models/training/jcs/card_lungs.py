"""The model card's tables of lungs that are sick otherwise, of what decides, and of how sure the networks are."""

from jcs import worst
from jcs.card_aims import aims
from jcs.markdown import NONE, counts, number, percent, ratio, table

LOOKS = ("as they are", "positives in their look", "negatives in our look", "both in the common look")


def other_lungs(evaluation: dict) -> str:
    """Specificity of each set without COVID-19, beside the AUC of drawn lesions against it, by look."""
    found = evaluation["lungs"]
    rows = []
    for name, row in found["specificity"].items():
        matched = found["look_matched"].get(name, {})
        areas = [" / ".join(number(kind[look]) for kind in matched.values()) or NONE for look in LOOKS]
        rows.append([name, str(row["patients"]), ratio(row["right"]), *areas])
    sensitivity = "; ".join(f"{name} {ratio(share)}" for name, share in found["sensitivity"].items())
    at = f"specificity at {found['operating_point']:g}"
    headers = ["slices without COVID-19 of", "patients", at, *(f"AUC, {look}" for look in LOOKS)]
    overall = number(found["auc"]["lesions against other lungs"])
    return (
        f"{table(headers, rows)}\n\nSensitivity where lesions cover 1 % or more of the frame: {sensitivity}. "
        f"AUC of drawn lesions against all other lungs: {overall}."
    )


def before_and_after(evaluation: dict) -> list[tuple[str, dict]]:
    """What was shipped before, where that is known, and what is."""
    before, version = evaluation.get("before"), evaluation["networks"]["classifier"]["version"]
    return [*([(before["version"], before["lungs"])] if before and before["version"] != version else []), (version, evaluation["lungs"])]


def deciding(evaluation: dict) -> str:
    """Where evidence lies, and the deletion test."""
    both = before_and_after(evaluation)
    maps = [
        [version, name, number(r["cells_auc"]), number(r["cells_auc_within"]), percent(r["highest_in_lesion"]), percent(r["chance"])]
        for version, found in both
        for name, r in found["maps"].items()
    ]
    headers = ["networks", "map", "cells' AUC", "within a slice", "highest cell has lesion", "chance"]
    keys = ("lesions", "highest activation", "random patches")
    falls = [
        [version, str(r["slices"]), *(number(r[key], 2) for key in keys), percent(r["part"], 0)]
        for version, r in ((version, found["deletion"]) for version, found in both)
    ]
    deletion = ["networks", "slices", "lesions", "highest activation", "random patches", "highest activation of lesions"]
    between = "Fall of the logit where this is replaced by lung of the same slice:"
    return f"{table(headers, maps, texts=2)}\n\n{between}\n\n{table(deletion, falls)}"


def source_told(evaluation: dict) -> str:
    both = [(version, found["source_told"]) for version, found in before_and_after(evaluation)]
    names = sorted({name for _, told in both for name in told} - {"mean", "chance"})
    rows = [[version, *(percent(told.get(name), 0) for name in (*names, "mean", "chance"))] for version, told in both]
    return table(["networks", *names, "mean", "chance"], rows)


def calibration(evaluation: dict) -> str:
    classified = [[name, str(r["slices"]), number(r["error"])] for name, r in evaluation["lungs"]["calibration"].items()]
    marked = [[name, str(r["pixels"]), number(r["error"], 4)] for name, r in evaluation["pixels"].items()]
    scans = evaluation["lungs"]["calibration"]["all scans"]["rows"]
    bins = [[number(r["said"], 2), number(r["found"], 2), str(r["slices"])] for r in scans]
    return "\n\n".join(
        [
            table(["classifier", "slices", "expected calibration error"], classified),
            table(["probability said, mean of a tenth of the scale (all scans)", "share with COVID-19", "slices"], bins, texts=0),
            table(["segmenter", "pixels", "expected calibration error"], marked),
        ]
    )


def severity(evaluation: dict) -> str:
    found = evaluation["severity"]
    rows = [
        [r["name"], str(r["slices"]), percent(r["drawn"]), percent(r["marked"]), f"{100 * (r['marked'] - r['drawn']):+.1f}"]
        for r in found["patients"]
    ]
    texts = [
        f"over {r['pairs']} {name} the mean difference is {r['mean']:+.1f} points, and 95 % lie between "
        f"{number(r['low'], 1)} and {number(r['high'], 1)}"
        for name, r in found["agreement"].items()
    ]
    headers = ["patient", "slices with drawn lungs", "lesions drawn", "lesions marked", "difference, points"]
    return f"{table(headers, rows)}\n\nBland and Altman, in per cent of the lung: {'; '.join(texts)}."


def smoothing(evaluation: dict) -> str:
    rows = []
    for study in evaluation["smoothing"]:
        for r in study["rows"]:
            row = [study["name"], f"{r['smooth_mm']:g}", number(r["flips"], 1), number(r["auc"]), number(r["sensitivity"])]
            row += [f"{r[key]:.0f}" for key in ("mm", "least_mm", "most_mm")]
            rows.append([*row, *(f"{mm:.0f}" for mm in r["thinned_mm"])])
    headers = ["study", "smoothed over, mm", "flips of 100", "AUC", "sensitivity", "positive, mm", "least of all changes", "most"]
    return table([*headers, "every second slice", "every third"], rows)


def distance(evaluation: dict) -> str:
    found = evaluation["distance"]
    rows = [
        [r["name"], str(r["slices"]), number(r["median"], 2), counts(r["beyond"]), "**unlike**" if r["unlike"] else "like"]
        for r in found["rows"]
    ]
    headers = ["", "slices", "median distance", f"slices beyond {found['limit']:g}", "the training data"]
    return table(headers, rows)


def other_levels(evaluation: dict) -> str:
    rows = [[r["name"], number(r["limit"]), ratio(r["judged"]), ratio(r["known"])] for r in evaluation["other_levels"]]
    headers = ["set", "alike from", "judged slices with one so alike in training", "slices whose own patient's other slice is so alike"]
    return table(headers, rows)


def appendix(evaluation: dict) -> str:
    """The worst slices of each kind, with what somebody saw who looked at them."""
    seen, parts = worst.notes(), []
    for kind, found in evaluation["worst"].items():
        rows = [[str(k), r["slice"], f"{r['value']:.3g}", seen.get(kind, {}).get(r["slice"], NONE)] for k, r in enumerate(found, 1)]
        picture = f"![{kind}](model-card/worst-{kind.replace(' ', '-')}.jpg)"
        body = table(["", "slice", "value", "what one sees"], rows, texts=4) if rows else "None."
        parts.append(f"### {kind.capitalize()}\n{worst.SAYS[kind].capitalize()}.\n\n{picture}\n\n{body}")
    return "\n\n".join(parts)


# Each with the results that it shows.
SHOWN = {
    "aims": (aims, ("lungs", "segmentation", "smoothing", "slices")),
    "worst": (appendix, ("worst",)),
    "other-lungs": (other_lungs, ("lungs",)),
    "deciding": (deciding, ("lungs",)),
    "source-told": (source_told, ("lungs",)),
    "calibration": (calibration, ("lungs", "pixels")),
    "severity": (severity, ("severity",)),
    "smoothing": (smoothing, ("smoothing",)),
    "distance": (distance, ("distance",)),
    "other-levels": (other_levels, ("other_levels",)),
}


def tables(evaluation: dict) -> dict[str, str]:
    """Those of an older evaluation that lacks what they show say so."""
    return {
        name: render(evaluation) if all(key in evaluation for key in keys) else "Not measured." for name, (render, keys) in SHOWN.items()
    }

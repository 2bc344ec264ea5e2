"""The model card's table of what networks 0.3 were to reach, beside what they do, so that nobody has to look for what is missing."""

from collections.abc import Callable

from jcs import studies
from jcs.cascade import RULE_MM
from jcs.markdown import NONE, number, table

SPECIFICITY = {"luna": 0.97, "emph": 0.95, "iqoth": 0.95, "tcga": 0.90, "pneu adults": 0.85, "pneu children": 0.70}
DICE = {"seg20": 0.80, "seg20rp": 0.80, "ct100": 0.82}
MARGIN_MM = 10.0
COMMON = "both in the common look"

Row = tuple[str, str, str, bool | None]


def at_least(what: str, aim: float, reached: float | None) -> Row:
    return what, number(aim, 2), number(reached), None if reached is None else round(reached, 3) >= aim


def classifier(evaluation: dict) -> list[Row]:
    found = evaluation["lungs"]
    rows = []
    for name, aim in SPECIFICITY.items():
        right, total = found["specificity"].get(name, {"right": (0, 0)})["right"]
        rows.append(at_least(f"specificity on {name}", aim, right / total if total else None))
    seen, large = (sum(share[k] for share in found["sensitivity"].values()) for k in (0, 1))
    rows.append(at_least("sensitivity where lesions cover 1 % or more", 0.80, seen / large if large else None))
    adults = [looks[COMMON] for looks in found["look_matched"].get("pneu adults", {}).values()]
    rows.append(at_least("AUC of lesions against pneu adults in the common look, the lower of both sets", 0.85, min(adults, default=None)))
    rows.append(at_least("AUC of lesions against all other lungs", 0.95, found["auc"]["lesions against other lungs"]))
    figures = next((s["auc"] for s in evaluation["slices"] if s["name"] == "covid_ct test"), None)
    rows.append(at_least("AUC on covid_ct test", 0.90, figures))
    rows.append(at_least("cells' AUC of what decides", 0.80, found["maps"]["what decides: the signed sum"]["cells_auc"]))
    rows.append(at_least("fall of the logit by the highest activation, of that by the lesions", 0.50, found["deletion"].get("part")))
    return rows


def margins(evaluation: dict) -> list[Row]:
    """How far the test studies stay from the rule under every change of the robustness table, not smoothed."""
    rows: list[Row] = []
    for study in evaluation["smoothing"]:
        if study["name"] in studies.STUDIES:
            plain = next(r for r in study["rows"] if r["smooth_mm"] == 0)
            margin = plain["least_mm"] - RULE_MM if study["covid"] else RULE_MM - plain["most_mm"]
            side = "above" if study["covid"] else "below"
            what = f"{study['name']} under every change, mm {side} the rule"
            rows.append((what, number(MARGIN_MM, 0), number(margin, 0), margin >= MARGIN_MM))
    return rows


def segmenter(evaluation: dict) -> list[Row]:
    found = {row["name"]: row["dice"] for row in evaluation["segmentation"]["by_set"]}
    return [at_least(f"Dice on {name}", aim, found.get(name)) for name, aim in DICE.items()]


PARTS: tuple[Callable[[dict], list[Row]], ...] = (classifier, segmenter, margins)


def aims(evaluation: dict) -> str:
    rows = [row for part in PARTS for row in part(evaluation)]
    says = {True: "yes", False: "**no**", None: NONE}
    return table(["what", "aim", "reached", "met"], [[what, aim, reached, says[met]] for what, aim, reached, met in rows])

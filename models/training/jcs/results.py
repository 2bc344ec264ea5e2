"""Results as JSON files under results/: the same values give the same bytes, so that a diff shows what changed."""

import json
import math
import pathlib

import numpy as np

from jcs.manifest import write_whole

DIGITS = 5  # significant
EVALUATION, SPEED = "evaluation", "speed"
BEFORE = "before"  # what of the evaluation of the networks that were shipped before is still shown


def default_folder() -> pathlib.Path:
    return pathlib.Path(__file__).resolve().parents[1] / "results"


def plain(value):
    """Dicts, lists, strings, integers, floats of DIGITS significant digits; None for what is not a number."""
    if isinstance(value, dict):
        return {str(key): plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def write(folder: pathlib.Path, name: str, values: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{name}.json", (json.dumps(plain(values), indent=1, ensure_ascii=False) + "\n").encode())


def read_all(folder: pathlib.Path) -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}

"""The model card's tables: results in, Markdown between its markers out.

    python -m jcs.card        # again from the results that are there, without measuring

The card's prose is written by hand around sections `<!-- begin: NAME -->` ... `<!-- end: NAME -->`.
"""

import argparse
import pathlib
import re

from jcs import card_lungs, card_tables, results
from jcs.card_records import EXPERIMENTS, precision_record, shipped_records

NAME, PICTURES = "model-card.md", "model-card"


def default_folder() -> pathlib.Path:
    return pathlib.Path(__file__).resolve().parents[3] / "docs"


def sections(found: dict[str, dict]) -> dict[str, str]:
    """Every section of the card; `found` holds the results by the name of their file."""
    evaluation = found[results.EVALUATION] | ({"before": found[results.BEFORE]} if results.BEFORE in found else {})
    texts = {name: render(evaluation) for name, render in card_tables.TABLES.items()} | card_lungs.tables(evaluation)
    texts["speed"] = card_tables.timings(found[results.SPEED]) if results.SPEED in found else "Not measured."
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

"""Numbers, shares and tables as the model card writes them."""

from jcs import intervals

NONE = "–"


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

"""What a comparison calls its rows: the studies, the quantity, where and when; the end of each."""

import math
from typing import Any

from reliability.report.points import value_text
from reliability.report.words import of_age
from reliability.units import engineering

Row = dict[str, Any]


def quantity_of(row: Row) -> str:
    """Return what tells one quantity from another: two may be called alike."""
    return str(row.get("name", row["quantity"]))


def pair(row: Row, names: list[str]) -> str:
    """Say which study is compared with which: "B less A", or "B over A" of a ratio."""
    word = "over" if row["measure"] == "ratio" else "less"
    return f"{names[row['study']]} {word} {names[row['to']]}"


def condition(row: Row) -> str:
    """Say at which age or after how many cycles; "" where there is one answer."""
    at = row["condition"]
    if "time" in at:
        return of_age(at)
    if "of_first" in at:
        return f"{of_age(at['of_other'])}, of the first {of_age(at['of_first'])}"
    if "cycles" in at:
        return f"by {at['cycles']:.3g} cycles at {engineering(at['temperature'], 'K')}"
    return ""


def place(point: dict[str, Any], axes: dict[str, str]) -> str:
    """Say at which point of a sweep, its axes by what figures call them; "" without one."""
    return ", ".join(f"{label} {value_text(name, point[name])}" for name, label in axes.items())


def where(row: Row, axes: dict[str, str]) -> str:
    """Say both."""
    return ", ".join(filter(None, (condition(row), place(row["point"], axes))))


def subject(row: Row, axes: dict[str, str]) -> str:
    """Say what is compared, and where."""
    what = " ".join(filter(None, (row["quantity"], condition(row))))
    return ", ".join(filter(None, (what, place(row["point"], axes))))


def at_end(rows: list[Row]) -> list[Row]:
    """Return the rows of the end: longest and most read at the first temperature, or hottest."""
    last: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        at = row["condition"]
        rank: tuple[float, ...] = ()
        if "time" in at:
            rank = (-at["read_voltage"], -at["temperature"], at["time"], at["reads"],
                    at["inferences"], at.get("cycles", 0.0))  # fmt: skip
        elif "of_first" in at:
            rank = (math.inf,)
        elif "cycles" in at:
            rank = (at["temperature"],)
        key = (row["study"], tuple(row["point"].items()), quantity_of(row))
        if key not in last or rank > last[key]["rank"]:
            last[key] = row | {"rank": rank}
    return [{name: v for name, v in row.items() if name != "rank"} for row in last.values()]

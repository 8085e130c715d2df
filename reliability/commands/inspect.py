"""``reliability inspect``: what is understood of a tester file."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reliability.commands.options import columns_option, json_option, say

if TYPE_CHECKING:
    from reliability.measurements import Summary


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--layout", help="Layout of the file, where it is not recognised from the content.")
@columns_option
@json_option
def inspect(file: Path, layout: str | None, columns: str | None, as_json: bool) -> None:
    """Show what is understood of a tester FILE: columns, quantities, ranges, missing values.

    A FILE can carry its own conditions: bake.csv@150degC, or lot7.xlsx@150degC,sheet=2,state=LRS.

    \b
    Examples:
      reliability inspect lot7_retention.csv
      reliability inspect reads.tsv --columns "cell,time [h],-,conductance [uS]"
      reliability inspect lot7.xlsx@150degC,sheet=2
    """
    from reliability.commands.measured_files import read_files
    from reliability.measurements import inspect as describe

    found = describe(read_files([file], layout, columns)[0])
    if as_json:
        say(json.dumps(dataclasses.asdict(found), default=str))
        return
    _print(found)


def _print(found: "Summary") -> None:
    from reliability.measurements.overview import engineering

    say(f"{found.source}: {found.layout}, {found.rows} rows, {found.bad} bad")
    if found.bad_lines:
        say(f"bad lines: {found.bad_lines}")
    if found.overrange:
        say(f"over-range: {found.overrange} values beyond the range of the meter")
    for sentence in found.layout_evidence:
        say(f"read  {sentence}")
    for problem in found.problems:
        if problem not in found.layout_evidence:
            say(f"note: {problem}")
    for axis in found.axes:
        values = ", ".join(map(str, axis.values)) or f"{axis.low} to {axis.high}"
        kind = "axis" if axis.dimension else "label"
        also = engineering(axis.values or (axis.low, axis.high), axis.units)
        more = f" = {also if axis.values else also.replace(',', ' to')}" if also else ""
        unit = f" [{axis.units}]" if axis.units else ""
        say(f"{kind:<6}{axis.name}{unit}: {axis.count} ({values}){more}")
    for q in found.quantities:
        say(
            f"value {q.name} [{q.units}] ({', '.join(q.dims)}): {q.count - q.missing} values, "
            f"{q.missing} missing; {q.low:.4g} to {q.high:.4g}, median {q.median:.4g}"
        )
        say(f"      {q.low:.3g} |{q.histogram}| {q.high:.3g} ({q.scale} bins)")
    for key, value in found.metadata.items():
        if str(value).strip():
            say(f"meta  {key}: {value}")

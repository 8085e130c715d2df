"""``reliability inspect``: what is understood of a tester file."""

import dataclasses
import json
from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--layout", help="Layout of the file when it cannot be told from the content.")
@click.option(
    "--columns",
    help="What the columns are: 'cell,time [h],-,conductance [uS]', or a TOML file with a mapping.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect(file: Path, layout: str | None, columns: str | None, as_json: bool) -> None:
    """Show what is understood of a tester FILE: quantities, ranges, missing values, problems.

    \b
    Examples:
      reliability inspect lot7_retention.csv
      reliability inspect reads.tsv --columns "cell,time [h],-,conductance [uS]"
    """
    from reliability.errors import printable
    from reliability.measurements import inspect as describe
    from reliability.measurements import read_measurements

    found = describe(read_measurements(file, layout, columns=columns))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), default=str))
        return
    click.echo(f"{found.source}: {found.layout}, {found.rows} rows, {found.bad} bad")
    if found.bad_lines:
        click.echo(f"bad lines: {found.bad_lines}")
    for problem in found.problems:
        click.echo(printable(f"note: {problem}"))
    for axis in found.axes:
        values = ", ".join(map(str, axis.values)) or f"{axis.low} to {axis.high}"
        kind = "axis" if axis.dimension else "label"
        click.echo(printable(f"{kind:<6}{axis.name} [{axis.units}]: {axis.count} ({values})"))
    for q in found.quantities:
        click.echo(
            f"value {q.name} [{q.units}] ({', '.join(q.dims)}): {q.count - q.missing} values, "
            f"{q.missing} missing; {q.low:.4g} to {q.high:.4g}, median {q.median:.4g}"
        )
        click.echo(f"      {q.low:.3g} |{q.histogram}| {q.high:.3g} ({q.scale} bins)")
    for key, value in found.metadata.items():
        click.echo(printable(f"meta  {key}: {value}"))

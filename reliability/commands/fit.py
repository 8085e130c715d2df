"""The command ``fit``: tester files to a card, and a check that it makes the data again."""

import json
from pathlib import Path
from typing import Any

import click

from reliability.commands.options import Card, command_line, report_options
from reliability.errors import InputError


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Card to write (.toml)."
)
@click.option("--name", help="Name of the card; by default that of the file to write.")
@click.option("--title", default="", help="Title of the card.")
@click.option("--memory", default="OxRAM", show_default=True, help="Kind of memory.")
@click.option("--base", type=Card(), help="Card name or file that gives what the data do not hold.")
@click.option("--layout", help="Layout of the files when it cannot be told from the content.")
@click.option(
    "--columns",
    help="What the columns are: 'cell,time [h],-,conductance [uS]', or a TOML file with a mapping.",
)
@click.option("--sample-rate", help="Reads a second of traces of noise, such as '400 Hz'.")
@click.option("--origin", default="", help="Where the data are from, for the sources of the card.")
@click.option("--maximum", help="Highest conductance as designed, of files that number levels.")
@click.option("--draws", type=click.IntRange(20), default=100, show_default=True,
              help="Simulated experiments of the check.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of bootstrap and check.")
@report_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fit(
    files: tuple[Path, ...],
    out: Path,
    name: str | None,
    title: str,
    memory: str,
    base: str | None,
    layout: str | None,
    columns: str | None,
    sample_rate: str | None,
    origin: str,
    maximum: str | None,
    draws: int,
    seed: int,
    formats: tuple[str, ...],
    template: str,
    as_json: bool,
) -> None:
    """Fit a technology card on the measured FILES, and check that it makes the data again.

    Writes the card, and beside it a page (.html) with measured and simulated cells.

    \b
    Examples:
      reliability fit relaxation.tsv bake.tsv --out mine.toml
      reliability fit cycles.csv --base oxram-130nm --out mine.toml
      reliability run analyses/spirit.toml --technology mine.toml --out out/mine

    \b
    Files:
      mine.toml   the card, for --technology and rel.load_technology
      mine.html   measured cells beside cells simulated from the card
    """
    from reliability.characterization import card_of, fit_phenomena
    from reliability.characterization.check import posterior_predictive
    from reliability.measurements import read_measurements
    from reliability.report import write_fit_report
    from reliability.report.render import check_options
    from reliability.technology import load_technology, writable, write_technology

    check_options(formats, template)
    out = writable(out)
    below = load_technology(base) if base else None
    options: dict[str, Any] = {"sample_rate": sample_rate} if sample_rate else {}
    data = [read_measurements(file, layout, columns=columns, **options) for file in files]
    data = [one.assign_attrs(origin=origin) if origin else one for one in data]
    fits = fit_phenomena(data, maximum=maximum, base=below, seed=seed)
    card = card_of(fits, name=name or out.stem, title=title, memory=memory, base=below)
    write_technology(card, out)
    untold = [sentence for each in fits for sentence in each.not_identifiable]
    problems = [f"{d.attrs['source']}: {p}" for d in data for p in d.attrs["problems"]]
    page, check = None, None
    try:
        check = posterior_predictive(data, card, draws=draws, seed=seed)
        page = write_fit_report(
            card, check, out.with_suffix(".html"), untold, data=data,
            command=command_line(), formats=formats, template=template,
        )  # fmt: skip
    except InputError as error:
        problems.append(f"no check: {error}")
    if as_json:
        found = {
            "card": str(out),
            "check": None if check is None else {"page": str(page), **check.attrs},
            "fitted": {
                key: {"value": p.value, "unit": p.unit, "sigma": p.sigma,
                      "distribution": p.distribution, "source": p.source}
                for key, p in card.parameters.items()
                if p.confidence == "fitted"
            },
            "untold": untold,
            "problems": problems,
        }  # fmt: skip
        click.echo(json.dumps(found))
        return
    _print_fit(card)
    for line in untold:
        click.echo(f"not told: {line}")
    for line in problems:
        click.echo(f"note: {line}")
    click.echo(f"card: {out.resolve()}")
    if check is not None and page is not None:
        click.echo(
            f"check: {check.attrs['outside']:.0%} of {check.sizes['statistic']} statistics outside "
            f"their {check.attrs['confidence']:.0%} interval; {page.resolve()}"
        )


def _print_fit(card: Any) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from reliability.report.provenance import parameter_row

    table = Table("parameter", "value", "uncertainty", "from", pad_edge=False, box=None)
    count = dict.fromkeys(("fitted", "measured", "published", "assumed"), 0)
    sources: dict[str, int] = {}
    for key, parameter in card.parameters.items():
        count[parameter.confidence] += 1
        if parameter.confidence == "fitted":
            row = parameter_row(key, parameter)
            number = sources.setdefault(parameter.source, len(sources) + 1)
            table.add_row(Text(key), row["value"], row["uncertainty"], Text(f"[{number}]"))
    Console(width=100).print(table)
    for source, number in sources.items():
        click.echo(f"[{number}] {source}")
    click.echo(", ".join(f"{number} {kind}" for kind, number in count.items() if number))

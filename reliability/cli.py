"""The command line: parses, calls, prints; exit code 0 done, 1 failed, 2 bad input, 130 stopped."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from reliability.errors import InputError
from reliability.version import __version__


class _Group(click.Group):
    """Prints a bad input as one line and ends with exit code 2; --debug shows the traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"error: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            if ctx.params.get("debug"):
                raise
            click.echo("\nstopped; the same command goes on from here", err=True)
            ctx.exit(130)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reliability")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """From resistive-memory measurements to the accuracy a network keeps, and how sure we are.

    \b
    Examples:
      reliability technologies
      reliability plan analyses/spirit.toml
      reliability run analyses/spirit.toml --out out/spirit
    """


@main.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for results.")
@click.option("--seed", type=int, help="Seed instead of the study's.")
@click.option("--chips", type=int, help="Number of chips instead of the study's.")
@click.option("--technology", help="Card name or file instead of the study's.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=os.cpu_count,
    show_default="all cores",
    help="Processes. The results do not depend on it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print progress and result as JSON lines.")
def run(
    spec: Path,
    out: Path,
    seed: int | None,
    chips: int | None,
    technology: str | None,
    workers: int,
    as_json: bool,
) -> None:
    """Run the study SPEC and write results.zarr, summary.json and report.html.

    The same command goes on with a study that was interrupted.

    \b
    Examples:
      reliability run analyses/spirit.toml --out out/spirit
      reliability run analyses/spirit.toml --out out/quick --chips 10 --seed 7
    """
    from reliability.campaign import run_study

    study = _load(spec, seed=seed, chips=chips, technology=technology)
    if as_json:
        run_study(study, out, workers=workers, progress=_print_event)
    elif sys.stderr.isatty():
        _run_with_bar(study, out, workers)
    else:
        run_study(study, out, workers=workers, progress=_print_line)
    from reliability.report import write_report

    report = write_report(study, out)
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    if as_json:
        click.echo(json.dumps({"event": "done", "report": str(report), "summary": summary}))
        return
    accuracy = summary["accuracy"]
    click.echo(
        f"accuracy {accuracy['mean']:.1%} ({accuracy['low']:.1%} to {accuracy['high']:.1%} at "
        f"{accuracy['confidence']:.0%}), ideal {summary['ideal_accuracy']:.1%}, "
        f"{summary['spikes_per_image']:.0f} spikes per image"
    )
    for warning in summary["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"report: {report.resolve()}")


@main.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--chips", type=int, help="Number of chips instead of the study's.")
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count, show_default="all cores")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(spec: Path, chips: int | None, workers: int, as_json: bool) -> None:
    """Say what running SPEC would do, how long it would take and how large it would be.

    \b
    Example:
      reliability plan analyses/spirit.toml --workers 2
    """
    from reliability.campaign import plan_study
    from reliability.units import duration

    found = plan_study(_load(spec, chips=chips), workers=workers)
    if as_json:
        click.echo(json.dumps(found))
        return
    lines = {
        "chips": f"{found['chips']}",
        "ages": f"{found['ages']} (times × temperatures × reads × read voltages)",
        "parameter draws": f"{found['draws']}",
        "sensitivity points": f"{found['sensitivity_points']}",
        "tasks": f"{found['tasks']}",
        "image evaluations": f"{found['image_evaluations']:,}",
        "time": f"about {duration(found['seconds'])} with {workers} workers",
        "memory": f"about {found['memory_bytes'] / 1e6:.0f} MB per worker",
        "disk": f"about {found['disk_bytes'] / 1e6:.1f} MB",
        "spec hash": found["spec_hash"][:16],
    }
    width = max(map(len, lines))
    for key, value in lines.items():
        click.echo(f"{key:<{width}}  {value}")


@main.group(invoke_without_command=True)
@click.pass_context
def technologies(ctx: click.Context) -> None:
    """List the technology cards.

    \b
    Examples:
      reliability technologies
      reliability technologies show oxram-130nm
    """
    if ctx.invoked_subcommand:
        return
    from rich.console import Console
    from rich.table import Table

    from reliability.technology import list_technologies, load_technology

    table = Table("name", "memory", "title", "parameters", "assumed", box=None, pad_edge=False)
    for name in list_technologies():
        card = load_technology(name)
        assumed = sum(p.confidence == "assumed" for p in card.parameters.values())
        table.add_row(card.name, card.memory, card.title, str(len(card)), str(assumed))
    Console().print(table)


@technologies.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
def show(name: str, as_json: bool) -> None:
    """Print every parameter of the card NAME (or of a card file) with its source.

    \b
    Examples:
      reliability technologies show oxram-130nm
      reliability technologies show my_card.toml --json
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from reliability.report.document import parameter_row
    from reliability.technology import load_technology

    card = load_technology(name)
    if as_json:
        click.echo(card.to_json())
        return
    console = Console()
    console.print(f"[bold]{card.name}[/bold]: {card.title}", highlight=False)
    console.print(Text(card.description))
    for section, law in card.laws.items():
        console.print(Text(f"law of {section}: {law}"))
    table = Table("parameter", "value", "uncertainty", "confidence", "source", pad_edge=False)
    for key in sorted(card.parameters):
        row = parameter_row(key, card.parameters[key])
        source = row["source"] + (f" ({row['note']})" if row["note"] else "")
        table.add_row(key, row["value"], row["uncertainty"], row["confidence"], Text(source))
    console.print(table)


@main.command()
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
    import dataclasses

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
        click.echo(f"note: {problem}")
    for axis in found.axes:
        values = ", ".join(map(str, axis.values)) or f"{axis.low} to {axis.high}"
        kind = "axis" if axis.dimension else "label"
        click.echo(f"{kind:<6}{axis.name} [{axis.units}]: {axis.count} ({values})")
    for q in found.quantities:
        click.echo(
            f"value {q.name} [{q.units}] ({', '.join(q.dims)}): {q.count - q.missing} values, "
            f"{q.missing} missing; {q.low:.4g} to {q.high:.4g}, median {q.median:.4g}"
        )
        click.echo(f"      {q.low:.3g} |{q.histogram}| {q.high:.3g} ({q.scale} bins)")
    for key, value in found.metadata.items():
        click.echo(f"meta  {key}: {value}")


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Card to write (.toml)."
)
@click.option("--name", help="Name of the card; by default that of the file to write.")
@click.option("--title", default="", help="Title of the card.")
@click.option("--memory", default="OxRAM", show_default=True, help="Kind of memory.")
@click.option("--base", help="Card name or file that gives what the data do not hold.")
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
@click.option("--seed", type=int, default=0, show_default=True)
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
    as_json: bool,
) -> None:
    """Fit a technology card on the measured FILES, and check that it makes the data again.

    Writes the card, and beside it a page (.html) with measured and simulated cells.

    \b
    Examples:
      reliability fit relaxation.tsv bake.tsv --out mine.toml
      reliability fit cycles.csv --base oxram-130nm --out mine.toml
      reliability run analyses/spirit.toml --technology mine.toml --out out/mine
    """
    from reliability.characterization import card_of, fit_phenomena
    from reliability.measurements import read_measurements
    from reliability.predictive import posterior_predictive
    from reliability.report import write_fit_report
    from reliability.technology import load_technology, writable, write_technology

    out = writable(out)
    below = load_technology(base) if base else None
    options: dict[str, Any] = {"sample_rate": sample_rate} if sample_rate else {}
    data = [read_measurements(file, layout, columns=columns, **options) for file in files]
    data = [one.assign_attrs(origin=origin) if origin else one for one in data]
    fits = fit_phenomena(data, maximum=maximum, base=below, seed=seed)
    card = card_of(fits, name=name or out.stem, title=title, memory=memory, base=below)
    write_technology(card, out)
    untold = [sentence for each in fits for sentence in each.untold]
    problems = [f"{d.attrs['source']}: {p}" for d in data for p in d.attrs["problems"]]
    page, check = None, None
    try:
        check = posterior_predictive(data, card, draws=draws, seed=seed)
        page = write_fit_report(card, check, out.with_suffix(".html"), untold)
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

    from reliability.report.document import parameter_row

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


def _load(spec: Path, **overrides: Any) -> Any:
    from reliability.campaign import load_study

    keys = {"chips": "population.chips"}
    return load_study(spec, {keys.get(name, name): value for name, value in overrides.items()})


def _run_with_bar(study: Any, out: Path, workers: int) -> None:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from reliability.campaign import run_study

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("elapsed"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        work = bar.add_task("image evaluations", total=None)
        run_study(
            study,
            out,
            workers=workers,
            progress=lambda task, done, total: bar.update(work, completed=done, total=total),
        )


def _print_line(task: Any, done: int, total: int) -> None:
    click.echo(f"{done / total:4.0%}  {task.name}", err=True)


def _print_event(task: Any, done: int, total: int) -> None:
    click.echo(json.dumps({"event": "task", "name": task.name, "done": done, "total": total}))


if __name__ == "__main__":
    main()

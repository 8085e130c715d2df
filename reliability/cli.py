"""The command line: parses, calls, prints; exit code 0 done, 1 failed, 2 bad input, 130 stopped."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from reliability.commands.compare import compare
from reliability.commands.doctor import doctor
from reliability.commands.fit import fit
from reliability.commands.options import EXIT_CODES, Card, report_options
from reliability.commands.qualify import qualify
from reliability.commands.report import report
from reliability.commands.size import size
from reliability.errors import InputError, RunError
from reliability.version import __version__


class _Group(click.Group):
    """Prints a bad input as one line and ends with exit code 2; --debug shows the traceback."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        cmd.epilog = cmd.epilog or EXIT_CODES
        super().add_command(cmd, name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.obj = list(args)  # what a report says makes it again
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"error: {error}", err=True)
            ctx.exit(2)
        except RunError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"failed: {error}", err=True)
            ctx.exit(1)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            text = " ".join(f"{type(error).__name__}: {error}".split())
            click.echo(f"failed: {text} (--debug shows where)", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            if ctx.params.get("debug"):
                raise
            click.echo("\nstopped; the same command goes on from here", err=True)
            ctx.exit(130)


@click.group(
    cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES
)
@click.version_option(__version__, prog_name="reliability")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """From resistive-memory measurements to the accuracy a network keeps, and how sure we are.

    \b
    Examples:
      reliability technologies
      reliability plan analyses/spirit.toml
      reliability run analyses/spirit.toml --out out/spirit

    \b
    Completion of commands, options and card names in the shell:
      bash  eval "$(_RELIABILITY_COMPLETE=bash_source reliability)"
      zsh   eval "$(_RELIABILITY_COMPLETE=zsh_source reliability)"
      fish  _RELIABILITY_COMPLETE=fish_source reliability | source
    """


_set = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a key of the study, or a parameter or law of its card, by its dotted name.",
)
_yes = click.option("--yes", is_flag=True, help="Run a sweep of any number of points.")


@main.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for results.")
@click.option("--seed", type=int, help="Seed instead of the study's.")
@click.option("--chips", type=int, help="Number of chips instead of the study's.")
@click.option("--technology", type=Card(), help="Card name or file instead of the study's.")
@_set
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=os.cpu_count,
    show_default="all cores",
    help="Processes. The results do not depend on it.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Dask scheduler (tcp://host:8786), or 'local' to start a cluster of --workers here.",
)
@click.option("--store", metavar="URL", help="For the results, e.g. s3://bucket/name (fsspec).")
@_yes
@report_options
@click.option("--json", "as_json", is_flag=True, help="Print progress and result as JSON lines.")
def run(
    spec: Path,
    out: Path,
    seed: int | None,
    chips: int | None,
    technology: str | None,
    settings: tuple[str, ...],
    workers: int,
    scheduler: str | None,
    store: str | None,
    yes: bool,
    formats: tuple[str, ...],
    template: str,
    as_json: bool,
) -> None:
    """Run the study SPEC and write results.zarr, summary.json and report.html.

    The same command goes on with a study that was interrupted. With more chips, draws or points of
    its sweep it computes what is missing.

    \b
    Examples:
      reliability run analyses/spirit.toml --out out/spirit
      reliability run analyses/spirit.toml --out out/quick --chips 10 --seed 7
      reliability run analyses/spirit.toml --out out/hot --set temperature="125 degC"
      reliability run analyses/spirit.toml --out out/log --set technology.relaxation.law=log_time

    \b
    Files in the folder of --out:
      results.zarr   every number, opened by xarray.open_zarr (docs/campaigns.md)
      summary.json   the answers with their intervals
      report.html    the document, one file
      study.json     the whole specification with its hash
      lock.json      while a run is at work: its host and process
    """
    from contextlib import nullcontext

    from reliability.campaign import run_study
    from reliability.campaign.execute import local_cluster
    from reliability.report import write_report
    from reliability.report.render import check_options

    check_options(formats, template)
    study = _load(spec, settings, yes, seed=seed, chips=chips, technology=technology)
    cluster = local_cluster(workers) if scheduler == "local" else nullcontext(scheduler)
    with cluster as address, _progress(out, as_json) as progress:
        run_study(
            study, out, workers=workers, scheduler=address, store_url=store, progress=progress
        )
    report = write_report(study, out, formats=formats, template=template)
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    if as_json:
        click.echo(json.dumps({"event": "done", "report": str(report), "summary": summary}))
        return
    _print_answer(summary)
    for warning in summary["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"report: {report.resolve()}")


def _accuracy(answer: dict[str, Any]) -> str:
    found = answer["accuracy"]
    return (
        f"{found['mean']:.1%} ({found['low']:.1%} to {found['high']:.1%} at "
        f"{found['confidence']:.0%})"
    )


def _print_answer(summary: dict[str, Any]) -> None:
    """Print each answer of a study; of many points, the worst and the best accuracy."""
    points = summary.get("points", [summary])
    if len(points) > 20 and "accuracy" in points[0]:
        points = sorted(points, key=lambda point: point["accuracy"]["mean"])
        click.echo(f"{len(points)} points; worst and best:")
        points = [points[0], points[-1]]
    for point in points:
        where = "".join(f"  {name}={value}" for name, value in point.get("point", {}).items())
        if "attribution" in point:
            first, (loss, *_) = point["attribution"]["phenomena"][0], point["attribution"]["loss"]
            click.echo(
                f"loss {100 * loss:.1f} points, most of it {first['name']}: "
                f"{100 * first['shapley'][0]:.1f}{where}"
            )
        if "accuracy" in point:
            spikes = point.get("spikes_per_image")
            click.echo(
                f"accuracy {_accuracy(point)}, ideal {point['ideal_accuracy']:.1%}"
                + ("" if spikes is None else f", {spikes:.0f} spikes per image")
                + where
            )
        if "crossbar" in point:
            found = point["crossbar"]
            click.echo(
                f"largest array {found['rows']} x {found['columns']} "
                f"({found['low']:.0f} to {found['high']:.0f}){where}"
            )
        if "architecture" in point:
            from reliability.report.study.architecture import quantity_lines

            for line in quantity_lines(point["architecture"]):
                click.echo(f"{line}{where}")
        for found in point.get("endurance", []):
            click.echo(
                f"endurance at {found['temperature_k']:.0f} K: {found['fraction_failed']:.2%} "
                f"({found['low']:.2%} to {found['high']:.2%} at {found['confidence']:.0%}) of "
                f"cells failed by {found['cycles']:.3g} cycles{where}"
            )
        for found in point.get("limits", []):
            if found["decides"]:
                sense = ">=" if found["sense"] == "least" else "<="
                click.echo(
                    f"limit {found['limit']} {sense} {found['wanted']:g}: {found['outcome']} "
                    f"({found['value']:.4g}, {found['low']:.4g} to {found['high']:.4g}){where}"
                )


@main.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--chips", type=int, help="Number of chips instead of the study's.")
@_set
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=os.cpu_count,
    show_default="all cores",
    help="Processes that the time is estimated for.",
)
@_yes
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(
    spec: Path,
    chips: int | None,
    settings: tuple[str, ...],
    workers: int,
    yes: bool,
    as_json: bool,
) -> None:
    """Say what running SPEC would do, how long it would take and how large it would be.

    \b
    Example:
      reliability plan analyses/spirit.toml --workers 2
    """
    from reliability.campaign import plan_study
    from reliability.units import duration

    found = plan_study(_load(spec, settings, yes, chips=chips), workers=workers)
    if as_json:
        click.echo(json.dumps(found))
        return
    _print_table(
        {
            "points of the sweep": f"{found['points']}",
            "chips": f"{found['chips']}",
            "ages": f"{found['ages']} (times × temperatures × reads × read voltages)",
            "parameter draws": f"{found['draws']}",
            "sensitivity combinations": f"{found['combinations']}",
            "tasks": f"{found['tasks']:,}",
            "image evaluations": f"{found['image_evaluations']:,}",
            "time": f"about {duration(found['seconds'])} with {workers} workers",
            "memory": f"about {found['memory_bytes'] / 1e6:.0f} MB per worker",
            "disk": f"about {found['disk_bytes'] / 1e6:.1f} MB",
            "spec hash": found["spec_hash"][:16],
        }
    )


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(folder: Path, as_json: bool) -> None:
    """Say how far the study in FOLDER is, whoever runs it.

    \b
    Example:
      reliability status out/spirit
    """
    from reliability.campaign import study_status

    found = study_status(folder)
    if as_json:
        click.echo(json.dumps(found))
        return
    share = found["work_done"] / max(found["work"], 1)
    lines = {
        "study": found["title"],
        "done": f"{share:.0%} of the work, {found['tasks_done']} of {found['tasks']} tasks",
        "running": found["running"] or "no",
        "chips": str(found["chips_done"]),
    }
    if "accuracy" in found:
        low, high = found["accuracy_low"], found["accuracy_high"]
        lines["accuracy so far"] = f"{found['accuracy']:.1%} ({low:.1%} to {high:.1%}), all ages"
    _print_table(lines)


@main.command()
def schema() -> None:
    """Print the JSON schema of a study, for editors that complete and check TOML.

    \b
    Example:
      reliability schema > study.schema.json
    """
    from reliability.campaign import Study

    click.echo(json.dumps(Study.model_json_schema(), indent=1))


def _print_table(lines: dict[str, str]) -> None:
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


@technologies.command(epilog=EXIT_CODES)
@click.argument("name", type=Card())
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

    from reliability.report.provenance import parameter_row
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


main.add_command(doctor)
main.add_command(fit)
main.add_command(size)
main.add_command(qualify)
main.add_command(report)
main.add_command(compare)


def _load(spec: Path, settings: tuple[str, ...], yes: bool, **overrides: Any) -> Any:
    import tomllib

    from reliability.campaign import load_study
    from reliability.campaign.spec import MOST_POINTS

    keys = {"chips": "population.chips"}
    values = {keys.get(name, name): value for name, value in overrides.items()}
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign:
            raise InputError(f"--set: got {setting!r}, expected NAME=VALUE")
        try:
            values[name.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[name.strip()] = text.strip()  # a bare word, or a number with a unit
    return load_study(spec, values, most_points=10**12 if yes else MOST_POINTS)


@contextmanager
def _progress(out: Path, as_json: bool) -> Iterator[Callable[[Any, int, int], None]]:
    """Yield what a run reports to: JSON lines, a bar in a terminal, else plain lines."""
    if as_json or not sys.stderr.isatty():
        yield _print_event if as_json else _print_line
        return
    import time

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from reliability.campaign import study_status

    columns = (
        TextColumn("{task.fields[answer]}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    start, looked, cost = time.monotonic(), 0.0, 0.0
    with Progress(*columns, console=Console(stderr=True)) as bar:
        work = bar.add_task("", total=None, answer="image evaluations", rate="")
        first = None

        def show(task: Any, done: int, total: int) -> None:
            nonlocal looked, cost, first
            first = done - task.work if first is None else first
            now = time.monotonic()
            rate = f"{(done - first) / max(now - start, 1e-9):,.0f}/s"
            bar.update(work, completed=done, total=total, rate=rate)
            if now - looked > max(5.0, 50 * cost):  # looking at the store takes its time
                found = study_status(out)
                looked, cost = time.monotonic(), time.monotonic() - now
                if "accuracy" in found:
                    half = (found["accuracy_high"] - found["accuracy_low"]) / 2
                    bar.update(work, answer=f"accuracy {found['accuracy']:.1%} ± {half:.1%}")

        yield show


def _print_line(task: Any, done: int, total: int) -> None:
    click.echo(f"{done / total:4.0%}  {task.name}", err=True)


def _print_event(task: Any, done: int, total: int) -> None:
    click.echo(json.dumps({"event": "task", "name": task.name, "done": done, "total": total}))


if __name__ == "__main__":
    main()

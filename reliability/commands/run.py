"""``reliability run``: a study, its progress, and its answers in lines."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reliability.commands.options import (
    Card,
    events_option,
    load_spec,
    report_options,
    say,
    set_option,
    yes_option,
)

if TYPE_CHECKING:
    from reliability.campaign import Study

MOST_POINTS = 20  # that are printed


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Results folder.")
@click.option("--seed", type=int, help="Seed, instead of the study's.")
@click.option("--chips", type=int, help="Number of chips, instead of the study's.")
@click.option("--technology", type=Card(), help="Card name or file, instead of the study's.")
@set_option
@click.option(
    "--metric",
    metavar="NAME|MODULE:FUNCTION",
    help="Metric of a chip, instead of the study's: accuracy, top5, agreement, mse, f1, or your "
    "own function f(outputs, target), imported from this folder or the environment.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=os.cpu_count,
    show_default="all cores",
    help="Worker processes; the results do not depend on them.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Dask scheduler (tcp://host:8786), or 'local' to start a cluster of --workers here.",
)
@click.option("--store", metavar="URL", help="URL of the results (fsspec), e.g. s3://bucket/name.")
@yes_option
@report_options
@events_option
def run(
    spec: Path,
    out: Path,
    seed: int | None,
    chips: int | None,
    technology: str | None,
    settings: tuple[str, ...],
    metric: str | None,
    workers: int,
    scheduler: str | None,
    store: str | None,
    yes: bool,
    formats: tuple[str, ...],
    template: str,
    as_json: bool,
) -> None:
    """Run a study and write its report.

    SPEC is a TOML file or the name of a shipped study. The same command continues a study that was
    interrupted; with more chips, samples or points of the sweep it computes what is missing.

    \b
    Examples:
      reliability run analyses/spirit.toml --out out/spirit
      reliability run analyses/spirit.toml --out out/quick --chips 10 --seed 7
      reliability run analyses/spirit.toml --out out/hot --set temperature="125 degC"
      reliability run analyses/spirit.toml --out out/log --set technology.relaxation.model=log_time

    \b
    Files in the folder of --out:
      results.zarr   every number, opened by xarray.open_zarr (docs/campaigns.md)
      summary.json   the answers with their intervals
      report.html    the document, one file
      study.json     the whole specification with its hash
      lock.json      while a run is at work: its host and process
    """
    from reliability.campaign import run_study
    from reliability.campaign.execute import local_cluster
    from reliability.errors import InputError, RunError, TasksFailed
    from reliability.report import write_report
    from reliability.report.folder_index import refresh_index
    from reliability.report.render import check_options

    check_options(formats, template)
    study = load_spec(
        spec, settings, yes, metric=metric, seed=seed, chips=chips, technology=technology
    )
    cluster = local_cluster(workers) if scheduler == "local" else nullcontext(scheduler)
    with cluster as address, _progress(out, as_json) as progress:
        failure = None
        try:
            run_study(
                study, out, workers=workers, scheduler=address, store_url=store, progress=progress
            )
        except TasksFailed as error:  # there is a report of the rest
            failure = error
    try:
        report = write_report(study, out, formats=formats, template=template)
        refresh_index(out.parent)
    except (InputError, RunError) as error:
        raise failure or error from None
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    if as_json:
        event = "done" if failure is None else "failed"
        say(json.dumps({"event": event, "report": str(report), "summary": summary}))
    else:
        if failure is None:
            _print_answer(study, summary)
        for warning in summary["warnings"]:
            say(f"warning: {warning}", err=True)
        say(f"report: {report.resolve()}")
    if failure is not None:
        raise failure


@contextmanager
def _progress(out: Path, as_json: bool) -> Iterator[Callable[[Any, int, int], None]]:
    """Yield what a run reports to: JSON lines, a bar in a terminal, else plain lines."""
    if as_json or not sys.stderr.isatty():
        yield _print_event if as_json else _print_line
        return
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
    from reliability.units import grouped

    console = Console(stderr=True)
    # a narrow terminal has no room for all; what is left to wait is wanted most
    wide = (BarColumn(),), (TextColumn("{task.fields[rate]}"), TimeElapsedColumn())
    bar_column, speed = wide if console.width >= 80 else ((), ())
    columns = (
        TextColumn("{task.fields[answer]}"),
        *bar_column,
        TaskProgressColumn(),
        *speed,
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    start, looked, cost = time.monotonic(), 0.0, 0.0
    with Progress(*columns, console=console) as bar:
        work = bar.add_task("", total=None, answer="image evaluations", rate="")
        first = None

        def show(task: Any, done: int, total: int) -> None:
            nonlocal looked, cost, first
            first = done - task.work if first is None else first
            now = time.monotonic()
            rate = f"{grouped((done - first) / max(now - start, 1e-9))}/s"
            bar.update(work, completed=done, total=total, rate=rate)
            if now - looked > max(5.0, 50 * cost):  # looking at the store takes its time
                found = study_status(out, verify=False)
                looked, cost = time.monotonic(), time.monotonic() - now
                if "accuracy" in found:
                    half = (found["accuracy_high"] - found["accuracy_low"]) / 2
                    bar.update(work, answer=f"accuracy {found['accuracy']:.1%} ± {half:.1%}")

        yield show


def _print_line(task: Any, done: int, total: int) -> None:
    say(f"{done / total:4.0%}  {task.name}", err=True)


def _print_event(task: Any, done: int, total: int) -> None:
    say(json.dumps({"event": "task", "name": task.name, "done": done, "total": total}))


def _print_answer(study: "Study", summary: dict[str, Any]) -> None:
    """Print each answer of a study; of many points, the worst and the best accuracy."""
    from reliability.report.designs_section import designs_line
    from reliability.report.outputs import chapters_of

    points = summary.get("points", [summary])
    chapters = chapters_of(study)
    whole = [chapter for chapter in chapters if chapter.of_sweep]
    each = [chapter for chapter in chapters if not chapter.of_sweep]
    if len(points) > MOST_POINTS and "accuracy" in points[0]:
        points = sorted(points, key=lambda point: point["accuracy"]["mean"])
        say(f"{len(points)} points; worst and best:")
        points = [points[0], points[-1]]
    elif len(points) > MOST_POINTS and "feasible" in summary:
        say(f"{len(points)} points, which the report lists")
        points = []
    for point in points:
        where = "".join(f"  {name}={value}" for name, value in point.get("point", {}).items())
        for line in (line for chapter in each for line in chapter.lines(point)):
            say(f"{line}{where}")
        print_limits(point, where)
    for line in (line for chapter in whole for line in chapter.lines(summary)):
        say(line)
    if "feasible" in summary:
        say(designs_line(study, summary))


def print_limits(point: dict[str, Any], where: str = "") -> None:
    """Print the verdict on each acceptance limit of an answer."""
    for found in point.get("limits", []):
        if found["decides"]:
            sense = ">=" if found["sense"] == "least" else "<="
            say(
                f"limit {found['limit']} {sense} {found['wanted']:g}: {found['outcome']} "
                f"({found['value']:.4g}, {found['low']:.4g} to {found['high']:.4g}){where}"
            )

"""What the commands share: lists of quantities at the door, progress, and folders for results."""

import json
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from reliability.errors import InputError, printable
from reliability.files import check_writable

if TYPE_CHECKING:
    from reliability.campaign import Study
    from reliability.report.page import Table

Progress = Callable[[int, int], None]
EXIT_CODES = """\b
Exit codes:
  0  done
  1  failed: a task, the disk, a search that does not converge
  2  wrong input: one line says what, and nothing was written
  128 + n  stopped by signal n: 130 by Ctrl-C, 143 by SIGTERM
"""


class Card(click.ParamType):
    """Name of a technology card or path of a card file; the shell completes the names."""

    name = "card"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from reliability.technology import list_technologies

        names = [name for name in list_technologies() if name.startswith(incomplete)]
        return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


def say(text: Any = "", err: bool = False) -> None:
    """Print a text without what a terminal would obey: names of files and cells are in it."""
    click.echo(printable(str(text)), err=err)


def quantities(text: str, unit: str, name: str) -> list[float]:
    """Read a list such as ``"10 kohm, 30 kohm"`` in SI.

    >>> quantities("10 kohm, 30 kohm", "ohm", "lrs")
    [10000.0, 30000.0]
    """
    from reliability.units import quantity

    return [quantity(entry, unit, name) for entry in entries(text, name)]


def entries(text: str, name: str) -> list[str]:
    """Split a list at its commas.

    >>> entries("V/2, V/3", "scheme")
    ['V/2', 'V/3']
    """
    found = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not found:
        raise InputError(f"{name}: got {text!r}, expected one value or more with commas between")
    return found


def command_line() -> str:
    """Return the command that is running as it could be typed again.

    Of a path from the root only the name is left: a report goes to others, and does not say how
    folders of this machine, and whoever works on it, are called.
    """
    typed = click.get_current_context().find_root().obj or ()
    return shlex.join(["reliability", *map(_without_folders, typed)])


def _without_folders(word: str) -> str:
    option, sign, value = word.partition("=") if word.startswith("-") else ("", "", word)
    path = PureWindowsPath(value)  # which knows both separators
    if path.root or path.drive or value.startswith("~"):
        return f"{option}{sign}{path.name}"
    return word


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
events_option = click.option(
    "--json", "as_json", is_flag=True, help="Print progress and result as JSON lines."
)
technology_option = click.option(
    "--technology", type=Card(), default="oxram-130nm", show_default=True, help="Card name or file."
)
columns_option = click.option(
    "--columns",
    help="Names of the columns: 'cell,time [h],-,conductance [uS]', or a TOML file with a mapping.",
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a key of the study, or a parameter or model of its card, by its dotted name.",
)
yes_option = click.option("--yes", is_flag=True, help="Run a sweep of any number of points.")


def load_spec(
    spec: Path,
    settings: tuple[str, ...],
    yes: bool,
    metric: str | None = None,
    **overrides: Any,
) -> "Study":
    """Load the study of a command with what its options set instead."""
    from reliability.campaign import load_study
    from reliability.campaign.load import MOST_POINTS

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
    if metric is not None and ":" in metric:
        sys.path.insert(0, str(Path.cwd()))  # where `python -m` looks, and where the user's file is
    return load_study(spec, values, metric=metric, most_points=10**12 if yes else MOST_POINTS)


def print_answer(
    answer: dict[str, Any], lines: Iterable[str], report: Path | None, as_json: bool
) -> None:
    """Print an answer as JSON or in lines, and where its report is."""
    if as_json:
        say(json.dumps(answer | ({} if report is None else {"report": str(report)})))
        return
    for line in lines:
        say(line)
    if report is not None:
        say(f"report: {report.resolve()}")


def print_table(lines: dict[str, str], before: str = "") -> None:
    """Print names and values in two columns."""
    width = max(map(len, lines))
    for key, value in lines.items():
        say(f"{before}{key:<{width}}  {value}")


def print_columns(table: "Table") -> None:
    """Print a table of a report in columns."""
    rows = [list(table.header), *map(list, table.rows)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(table.header))]
    for row in rows:
        say("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)))


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the report that it writes."""
    command = click.option(
        "--template",
        default="full",
        show_default=True,
        help="Template of the report: full, brief, or the path of a Jinja2 template.",
    )(command)
    return click.option(
        "--format",
        "formats",
        type=click.Choice(["html", "pdf"]),
        multiple=True,
        default=("html",),
        show_default="html",
        help="Format of the report; can be given twice. PDF needs the extra [pdf].",
    )(command)


@contextmanager
def shown_progress(what: str, as_json: bool) -> Iterator[Progress]:
    """Give a function that shows how far a calculation is: a bar, lines, or JSON lines."""
    if as_json:
        yield lambda done, total: say(
            json.dumps({"event": "progress", "done": done, "total": total})
        )
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("left"),
                   TimeRemainingColumn())  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            work = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(work, completed=done, total=total)
    else:
        yield lambda done, total: say(f"{done / total:4.0%}  {what}", err=True)


def results_folder(out: Path, marker: str) -> None:
    """Refuse a folder that holds anything but the results of the same command.

    Raises
    ------
    InputError
        A file, a folder that is not empty and has no ``marker``, or a place where nothing can be
        written.
    """
    check_writable(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"out: {str(out)!r} is a file, expected a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / marker).is_file():
        raise InputError(f"out: folder {str(out)!r} is not empty and holds no {marker}")

"""``reliability report``: a finished study's document again, in another format or template."""

import json
from pathlib import Path
from typing import Any

import click

from reliability.commands.options import report_options, say
from reliability.commands.run import MOST_POINTS, print_limits
from reliability.errors import InputError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@report_options
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="Acceptance limit, instead of the study's: accuracy=82%, chips_below=1%, "
    "energy_per_image=10nJ, failing_ppm=100, failed_cells=1e-3.",
)
@click.option("--open", "show", is_flag=True, help="Open the report when it is written.")
def report(
    folder: Path, formats: tuple[str, ...], template: str, limits: tuple[str, ...], show: bool
) -> None:
    """Write the report of a finished study again, or an index of reports.

    FOLDER holds a study or a size; nothing is computed again. A limit gives a verdict:
    demonstrated, not demonstrated, or inconclusive by the interval. A template is
    full, brief, or the path of a Jinja2 template. Of a FOLDER of such folders an
    index.html is written, with the answer, the verdict and the date of each report;
    later runs in it keep it up to date.

    \b
    Examples:
      reliability report out/spirit
      reliability report out/spirit --format html --format pdf --open
      reliability report out/spirit --limit accuracy=82% --limit chips_below=5%
      reliability report out/spirit --template brief --format pdf
      reliability report out/spirit --template our_house.html
      reliability report out
    """
    from reliability.report.render import check_options

    check_options(formats, template)
    if _is_collection(folder):
        if limits:
            raise InputError("limit: goes with the folder of a study, not with one of reports")
        from reliability.report.folder_index import write_index

        index = write_index(folder)
        say(f"index: {index.resolve()}")
        if show:
            click.launch(str(index.resolve()))
        return
    path = _write(folder, list(formats), template, _limits(limits))
    _print_verdict(folder)
    for each in formats:
        say(f"report: {path.with_suffix(f'.{each}').resolve()}")
    if show:
        click.launch(str(path.resolve()))


def _is_collection(folder: Path) -> bool:
    """Whether a folder has result folders in it and is none itself."""
    own = any((folder / name).exists() for name in ("study.json", "size.json", "results.zarr"))
    return not own and any(folder.glob("*/*.html"))


def _print_verdict(folder: Path) -> None:
    """Print whether the limits of a study are met, for each point of a sweep."""
    if (folder / "summary.json").is_file():  # of a study; a size has none
        summary = json.loads((folder / "summary.json").read_text("utf-8"))
        points = summary.get("points", [summary])
        if len(points) > MOST_POINTS:
            say(f"{len(points)} points, which the report lists")
            return
        for point in points:
            where = "".join(f"  {name}={value}" for name, value in point.get("point", {}).items())
            print_limits(point, where)


def _write(folder: Path, formats: list[str], template: str, limits: dict[str, Any]) -> Path:
    if (folder / "size.json").is_file():
        import xarray as xr

        from reliability.report.size_report import render_size_report

        if limits:
            raise InputError("limit: goes with the folder of a study; a size has its own --limit")
        found = xr.open_zarr(folder / "results.zarr", consolidated=False, chunks=None).load()
        return render_size_report(found, folder, formats=formats, template=template)
    from reliability.campaign import read_study
    from reliability.report import write_report

    study, _, notes = read_study(folder, limits)
    return write_report(study, folder, formats=formats, template=template, notes=notes)


def _limits(settings: tuple[str, ...]) -> dict[str, Any]:
    limits = {}
    for setting in settings:
        name, sign, value = (part.strip() for part in setting.partition("="))
        if not sign or not value:
            raise InputError(f"limit: got {setting!r}, expected NAME=VALUE")
        limits[name] = int(value) if value.isdigit() else value
    return limits

"""``reliability compare``: finished studies side by side."""

from pathlib import Path

import click

from reliability.commands.options import json_option, print_answer, report_options, results_folder


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the report.")
@report_options
@json_option
def compare(
    folders: tuple[Path, ...],
    out: Path | None,
    formats: tuple[str, ...],
    template: str,
    as_json: bool,
) -> None:
    """Compare finished studies in FOLDERS with the first.

    Chips of studies with one seed have the same latent variables and are matched (paired); studies
    of other seeds are independent (unpaired). Answers of architecture studies are compared over the
    draws of card and components, sweeps over the same axes point by point. All differences are
    tested together. With --out it writes compare.json and report.html.

    \b
    Examples:
      reliability compare out/spirit out/hot
      reliability compare out/a out/b out/c --out out/compared --format html --format pdf
      reliability compare out/a out/b --json
    """
    from reliability.campaign import compare_studies
    from reliability.report.comparison_report import compare_lines, write_comparison
    from reliability.report.render import check_options

    check_options(formats, template)
    if out is not None:
        results_folder(out, "compare.json")
    told = compare_studies(folders)
    report = None
    if out is not None:
        report = write_comparison(told, out, formats=formats, template=template)
    print_answer(told, compare_lines(told), report, as_json)

"""``reliability validate``: blind predictions against what was measured."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reliability.commands.options import EXIT_CODES, json_option, say
from reliability.errors import InputError, unknown_name
from reliability.files import check_writable

if TYPE_CHECKING:
    from reliability.validation import Row


@click.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder of validation.json."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Folder of the predictions' files, instead of those that ship.",
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder of all data, instead of each file's."
)
@click.option(
    "--page", type=click.Path(path_type=Path), help="Markdown page of the predictions to write."
)
@json_option
def validate(
    names: tuple[str, ...],
    out: Path,
    folder: Path | None,
    data: Path | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Predict measurements that were not used for the fit, all or those of NAMES.

    A NAME is that of a prediction that ships, or the path of a TOML file. Predictions whose data
    are absent say so.

    \b
    Examples:
      reliability validate --out out/validation
      reliability validate spirit techB-late-reads --out out/validation
      reliability validate my_bakes.toml --out out/mine
    """
    from reliability.validation import load_prediction, summary, write_rows
    from reliability.validation import validate as predict

    files = _files(names, folder)
    # refuse all that cannot be before the first is made
    asked = [(file.stem, load_prediction(file, data)) for file in files]
    if out.is_file():
        raise InputError(f"out: {str(out)!r} is a file, expected a folder")
    if page is not None:
        check_writable(page)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for file in files:
        made = predict(file, data)
        rows += made
        if not as_json:
            say(_line(file.stem, made))
    write_rows(rows, out / "validation.json")
    if page is not None:
        from reliability.files import replace_text
        from reliability.report.validation_page import validation_page

        replace_text(page, validation_page(asked, rows))
    found = summary(rows)
    if as_json:
        say(json.dumps(found | {"file": str(out / "validation.json")}))
        return
    if found["rows"]:
        say(
            f"{found['hits']} of {found['rows']} measured values inside their 90 % interval "
            f"({100 * found['coverage']:.0f} %)"
        )
    say(f"rows: {out / 'validation.json'}")


def _files(names: tuple[str, ...], folder: Path | None) -> list[Path]:
    from reliability.resources import shipped_predictions

    if folder is None:
        known = {name: Path(str(file)) for name, file in shipped_predictions().items()}
    else:
        known = {path.stem: path for path in sorted(folder.glob("*.toml"))}
    if not names:
        if not known:
            raise InputError(f"validate: no predictions in {str(folder)!r}")
        return list(known.values())
    out = []
    for name in names:
        if name in known:
            out.append(known[name])
        elif name.endswith(".toml"):
            out.append(Path(name))
        else:
            raise unknown_name("prediction", name, known)
    return out


def _line(name: str, rows: "list[Row]") -> str:
    made = [row for row in rows if row.hit is not None]
    if not made:
        return f"{name}: {rows[0].note}"
    if len(made) == 1:
        (row,) = made
        return (
            f"{name}: {row.name} {row.predicted:.4g} ({row.low:.4g} to {row.high:.4g}), measured "
            f"{row.measured:.4g}: {'hit' if row.hit else 'miss'}"
        )
    return f"{name}: {sum(bool(row.hit) for row in made)} of {len(made)} inside"

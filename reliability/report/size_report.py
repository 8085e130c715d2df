"""Largest arrays as text, as numbers for machines, and as a short report."""

import json
import shutil
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from reliability.crossbar.maps import pareto_set
from reliability.crossbar.solver import solve_crossbar
from reliability.files import replace_text
from reliability.random import stream
from reliability.report import figures as draw
from reliability.report.page import (
    Figure,
    KeyFigure,
    Report,
    Section,
    Table,
    canvas,
    numbers_of,
    svg,
)
from reliability.report.provenance import (
    confidence_text,
    parameter_tables,
    provenance_section,
)
from reliability.report.render import save_report
from reliability.report.words import counted, lines_range
from reliability.technology import Technology
from reliability.units import engineering

_KEPT = ("criterion", "limit", "confidence", "max_size", "technology", "network", "images", "seed",
         "reliability_version")  # fmt: skip
_OF_TRIALS = ("trial", "trial_low", "trial_high")
_HEADERS = {
    "lrs_resistance": "LRS", "hrs_resistance": "HRS", "ratio": "HRS/LRS",
    "variability": "variability", "wire": "wire per cell", "nonlinearity_voltage": "nonlinearity",
    "bias_scheme": "bias scheme", "rows": "rows", "layer": "layer",
}  # fmt: skip


def size_table(found: xr.Dataset) -> dict[str, Any]:
    """Return what was found as plain numbers and texts.

    Parameters
    ----------
    found : Dataset
        Of `size_map` or `crossbar_border`.

    Returns
    -------
    dict
        ``rows``, one for each point, and what the search was for.
    """
    told = {key: found.attrs[key] for key in _KEPT if key in found.attrs}
    return told | {"rows": list(_points(found))}


def _points(found: xr.Dataset) -> Iterator[dict[str, Any]]:
    border = "size" not in found
    dims = [str(d) for d in found["columns"].dims]
    for place in product(*(range(found.sizes[d]) for d in dims)):
        at = found.isel(dict(zip(dims, place, strict=True)))
        point = {d: _plain(at[d].item()) for d in dims}
        if border:
            names = {"columns": "columns", "columns_low": "columns_low",
                     "columns_high": "columns_high"}  # fmt: skip
        else:
            names = {
                "largest_rows": "rows", "largest_columns": "columns", "size": "size",
                "size_low": "size_low", "size_high": "size_high", "value": "value",
                "value_low": "value_low", "value_high": "value_high",
                "segment_resistance": "segment_resistance", "energy": "energy",
            }  # fmt: skip
        yield point | {new: _plain(at[old].item()) for new, old in names.items()}


def _plain(value: Any) -> Any:
    """A number that JSON has, or text."""
    if isinstance(value, float) and not np.isfinite(value):
        return "linear" if value == np.inf else None
    return value


def size_lines(found: xr.Dataset) -> list[str]:
    """Return the table as lines of text, the header first."""
    header, rows = _texts(found)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    told = found.attrs
    head = (
        f"{told['technology']}: {_name(told['criterion'])} {_sense(told)} "
        f"{_limit(told)}, {100 * told['confidence']:g} % confidence"
    )
    lines = ["  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip()
             for row in (header, *rows)]  # fmt: skip
    return [head, *lines, *_notes(found)]


def _notes(found: xr.Dataset) -> list[str]:
    sizes = found["size" if "size" in found else "columns"].values
    notes = []
    if (sizes >= found.attrs["max_size"]).any():
        notes.append(
            f"note: at {found.attrs['max_size']} lines the search ends; the limit lies beyond"
        )
    if (sizes == 0).any():
        notes.append("note: none means that no tried size meets the limit with this confidence")
        if "trial" in found:
            margin = found.attrs["criterion"] == "read_margin"
            ends = found["trial_low"] if margin else -found["trial_high"]
            best = int(ends.values.argmax())
            notes.append(
                f"note: best tried: {found['tried'].values[best]} lines with "
                f"{_name(found.attrs['criterion'])} {found['trial'].values[best]:.3g} "
                f"({found['trial_low'].values[best]:.3g} to {found['trial_high'].values[best]:.3g})"
            )
    return notes


def _texts(found: xr.Dataset) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table."""
    border = "size" not in found
    dims = [str(d) for d in found["columns"].dims]
    name = "columns" if border else "size"
    header = [_HEADERS[d] for d in dims]
    header += ["most columns" if border else "largest", "interval"]
    header += [] if border else [f"{_name(found.attrs['criterion'])} there", "interval"]
    rows = []
    for place in product(*(range(found.sizes[d]) for d in dims)):
        at = found.isel(dict(zip(dims, place, strict=True)))
        row = [_axis_text(at, d) for d in dims]
        shape = f"{at['columns'].item()}" if border else (
            f"{at['rows'].item()} x {at['columns'].item()}")  # fmt: skip
        row.append(shape if at[name].item() else "none")
        ends = [at[f"{name}_{end}"].item() for end in ("low", "high")]
        row.append(lines_range(ends[0], ends[1], found.attrs["max_size"]))
        if not border:
            value = [at[v].item() for v in ("value", "value_low", "value_high")]
            if np.isnan(value[0]):
                row += ["-", "-"]
            else:
                row += [f"{value[0]:.3g}", f"{value[1]:.3g} to {value[2]:.3g}"]
        rows.append(row)
    return header, rows


def _axis_text(at: xr.Dataset, name: str) -> str:
    value, unit = at[name].item(), str(at[name].attrs.get("units", "1"))
    if isinstance(value, str):
        if name == "wire" and value.endswith("nm") and "segment_resistance" in at:
            return f"{value} ({engineering(at['segment_resistance'].item(), 'ohm')})"
        return value
    if name == "rows":
        return f"{value}"
    if not np.isfinite(value):
        return "linear"
    return engineering(value, unit)


def write_size_report(
    found: xr.Dataset,
    folder: Path,
    *,
    command: str = "",
    formats: Sequence[str] = ("html",),
    template: str = "full",
) -> Path:
    """Write ``results.zarr``, ``size.json`` and the report.

    Parameters
    ----------
    found : Dataset
        Of `size_map` or `crossbar_border`.
    folder : Path
        Made if it is not there.
    command : str
        That makes it again.
    formats : sequence of {"html", "pdf"}
    template : str
        As `reliability.report.render.save_report` takes it.

    Returns
    -------
    Path
        The report.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".results.zarr"
    shutil.rmtree(temporary, ignore_errors=True)
    found = found.assign_attrs(command=command)
    found.to_zarr(temporary, mode="w", consolidated=False)
    shutil.rmtree(folder / "results.zarr", ignore_errors=True)
    temporary.rename(folder / "results.zarr")
    replace_text(folder / "size.json", json.dumps(size_table(found), indent=1))
    return render_size_report(found, folder, formats=formats, template=template)


def render_size_report(
    found: xr.Dataset, folder: Path, *, formats: Sequence[str], template: str
) -> Path:
    """Write the report of results that are already in a folder; parameters as above."""
    told = found.attrs
    header, rows = _texts(found)
    rows = [[cell.replace(" x ", " × ") for cell in row] for row in rows]
    what = "most columns for each number of rows" if "size" not in found else "largest array"
    table = Table(
        "table", "All points",
        "The interval of a size includes the noise of the Monte Carlo arrays and the uncertainty "
        "of the card's parameters; that of the criterion is of its mean over the arrays of the "
        "card as it is.",
        header, rows,
    )  # fmt: skip
    card = Technology.from_json(told["technology_card"])
    kept = {key: str(told[key]) for key in _KEPT if key in told}
    if told.get("command"):
        kept["command"] = str(told["command"])
    report = Report(
        f"{what.capitalize()} of {told['technology']}",
        f"{_name(told['criterion']).capitalize()} {_sense(told)} {_limit(told)}, at "
        f"{100 * told['confidence']:g} % confidence.",
        _answer(found) + [_sentence(note) for note in _notes(found)],
        [
            _method(found),
            Section("result", "Result", figures=list(_figures(found)), tables=[table]),
            Section("assumptions", "Assumptions", (confidence_text(card),),
                    tables=parameter_tables(card)),
            provenance_section(kept | {f"card {card.name}, SHA-256": card.fingerprint}),
        ],
        list(_key_figures(found)),
    )  # fmt: skip
    return save_report(report, folder / "report.html", formats, template)


def _sentence(note: str) -> str:
    text = note.removeprefix("note: ")
    return f"{text[:1].upper()}{text[1:]}."


def _key_figures(found: xr.Dataset) -> Iterator[KeyFigure]:
    if "size" not in found:
        for k in (0, -1):
            at = found.isel(rows=k)
            low, high = (f"{at[f'columns_{end}'].item():.0f}" for end in ("low", "high"))
            yield KeyFigure(f"columns with {at['rows'].item()} rows", f"{at['columns'].item()}",
                            f"{low} to {high}")  # fmt: skip
        return
    at = _best(found)
    shape = f"{at['rows'].item()} × {at['columns'].item()}" if at["size"].item() else "none"
    shape = f"at least {shape}" if at["size"].item() >= found.attrs["max_size"] else shape
    sure = f"at {100 * found.attrs['confidence']:g} %"
    reach = lines_range(at["size_low"].item(), at["size_high"].item(), found.attrs["max_size"])
    yield KeyFigure("largest array", shape, f"{reach} lines {sure}", _where(at, found))
    value = [at[v].item() for v in ("value", "value_low", "value_high")]
    if np.isfinite(value[0]):
        shown, low, high = (_limit(found.attrs | {"limit": v}) for v in value)
        yield KeyFigure(_name(found.attrs["criterion"]), shown, f"{low} to {high} {sure}",
                        f"limit {_limit(found.attrs)}")  # fmt: skip


def _best(found: xr.Dataset) -> xr.Dataset:
    best = np.unravel_index(int(found["size"].values.argmax()), found["size"].shape)
    return found.isel(dict(zip(found["size"].dims, best, strict=True)))


def _where(at: xr.Dataset, found: xr.Dataset) -> str:
    return ", ".join(f"{_HEADERS[str(d)]} {_axis_text(at, str(d))}" for d in found["size"].dims)


def _answer(found: xr.Dataset) -> list[str]:
    if "size" not in found:
        columns = found["columns"]
        ends = [found.isel(rows=k) for k in (0, -1)]
        texts = [f"{e['rows'].item()} rows take {e['columns'].item()} columns" for e in ends]
        return ["; ".join(texts) + f" (largest of all: {int(columns.max())})."]
    at = _best(found)
    if at["size"] == 0:
        return ["No array meets the limit at any point."]
    reach = lines_range(at["size_low"].item(), at["size_high"].item(), found.attrs["max_size"])
    least = "at least " if at["size"] >= found.attrs["max_size"] else ""
    return [
        f"Largest: {least}{at['rows'].item()} word lines by {at['columns'].item()} bit lines "
        f"({reach} searched lines), at {_where(at, found)}."
    ]


_CRITERIA = {
    "output_error": "root mean square error of the column sums of a matrix product, relative to "
    "their root mean square",
    "step_error": "95th percentile over columns of the error of a sum, in stored ones",
    "bit_error_rate": "fraction of cells misread at the best reference current of an array",
    "read_margin": "gap between the weakest stored one and the strongest stored zero, relative to "
    "the current of a median LRS cell",
    "accuracy_drop": "accuracy that a network loses on tiles of this size",
}  # fmt: skip


def _method(found: xr.Dataset) -> Section:
    """Say what was searched, by which criterion and under which conditions."""
    told = found.attrs
    name = told["criterion"]
    text = [
        f"Criterion: {_name(name)}{f', the {_CRITERIA[name]}' if name in _CRITERIA else ''}, "
        f"{_sense(told)} {_limit(told)}, mean over "
        + (f"{counted(told['chips'], 'chip')}, each on its own die, " if name == "accuracy_drop"
           else "8 to 64 Monte Carlo arrays, each on its own die, ")
        + f"with exact currents; searched up to {told['max_size']} lines."
    ]  # fmt: skip
    if name == "accuracy_drop":
        tiles = told["tiles"]
        if "layer" in found.coords:
            tiles = f"{tiles.partition(', layer')[0]}, each layer of the table alone on such tiles"
        text.append(
            f"Network: {told['network']} on {told['images']} test images, the same cells, images "
            "and random numbers with and without line resistance; "
            f"{tiles}."
        )
        access = told["access_ohm"]
        text.append(
            f"Cells: {told['cell_layout']} layout, "
            + (f"access transistor of {engineering(access, 'ohm')} in series" if access
               else "no access transistor in series")
            + f", {'after ' + told['mission'] if told['mission'] else 'as programmed'}."
        )  # fmt: skip
    if "activity" in told:
        on = {"left": "the left end", "right": "the right end", "both": "both ends"}
        ends = {"top": "the top", "bottom": "the bottom", "both": "both ends"}
        data = f"stored ones: {100 * told['density']:g} % of cells"
        card = Technology.from_json(told["technology_card"])
        data = data if card.has_states else "targets uniform over the levels of the card"
        text.append(
            f"Reads: {100 * told['activity']:g} % of rows driven at once at "
            f"{engineering(told['read_voltage'], 'V')} from {on[told['drive']]}, columns sensed "
            f"at {ends[told['sense']]}; {data}; bias scheme of unselected lines: "
            f"{_bias(found)}."
        )
        access = told["access_ohm"]
        text.append(
            f"Cells: {told['cell_layout']} layout, {told['cell_model']} model, "
            + (f"access transistor of {engineering(access, 'ohm')} in series"
               if access else "no access transistor in series")
            + f", {'after ' + told['mission'] if told['mission'] else 'as programmed'}."
        )  # fmt: skip
        if told["gain_correction"]:
            text.append("The sums of each array are multiplied by the one factor that suits them "
                        "best (gain correction).")  # fmt: skip
    return Section("method", "Method", text)


def _bias(found: xr.Dataset) -> str:
    if "bias_scheme" in found.coords:
        return ", ".join(map(str, found["bias_scheme"].values))
    return str(found.attrs["array_bias_scheme"])


def _figures(found: xr.Dataset) -> Iterator[Figure]:
    if "size" not in found:
        with canvas(5.6, 4.4) as (figure, axes):
            draw.feasible_border(found, axes.flat[0])
            yield Figure("border", "Largest number of columns against rows",
                         "Number of columns at each number of rows, with the interval.",
                         svg(figure, "Largest number of columns against rows"),
                         numbers_of(found))  # fmt: skip
        return
    long = [str(d) for d in found["size"].dims if found.sizes[d] > 1]
    if not long:
        yield from _one_point(found)
        return
    numeric = [d for d in long if _is_positive(found[d])]
    panels = long[2] if len(long) > 2 else None
    count = min(found.sizes[panels], 4) if panels else 1
    first = {d: 0 for d in found["size"].dims if d not in long[:2] and d != panels}
    parts = [found.isel(first | ({panels: k} if panels else {})) for k in range(count)]
    with canvas(4.2 + 2.8 * count, 4.4, 1, count, sharey=True) as (figure, axes):
        for ax, part in zip(axes.flat, parts, strict=True):
            draw.size_against(part.squeeze(drop=True) if len(long) < 2 else part, ax, x=long[0],
                              lines=long[1] if len(long) > 1 else None)  # fmt: skip
            if panels:
                ax.set_title(f"{_HEADERS[panels]} {_axis_text(part, panels)}", fontsize=10)
        for ax in axes.flat[1:]:
            ax.set_ylabel("")
        yield Figure("size", "Largest array", _caption(found, long),
                     svg(figure, "Largest array with intervals"),
                     numbers_of(found[["size", "size_low", "size_high"]]))  # fmt: skip
    if len(numeric) >= 2 and long[:2] == numeric[:2]:
        middle = int(np.median(parts[0]["size"].values))
        with canvas(5.8, 4.4) as (figure, axes):
            draw.largest_array_map(parts[0], axes.flat[0], x=long[0], y=long[1], wanted=middle)
            yield Figure(
                "map", "Map of the largest array",
                f"Contours of the size, interpolated between the points of the table; thick: "
                f"{middle} lines, with the lower (dashed) and upper (dotted) end of the interval.",
                svg(figure, "Contour map of the largest array"),
                numbers_of(parts[0][["size", "size_low", "size_high"]]),
            )  # fmt: skip
    if {"lrs_resistance", "ratio"} <= set(long):
        rest = {d: 0 for d in found["size"].dims if d not in ("lrs_resistance", "ratio")}
        levels = found.isel(rest).transpose("lrs_resistance", "ratio", ...)
        levels["pareto"] = pareto_set(levels)
        with canvas(6.4, 4.6) as (figure, axes):
            draw.levels_pareto(levels, axes.flat[0])
            yield Figure("pareto", "Size against read energy",
                         "Each pair of LRS resistance and HRS/LRS ratio; bars are intervals.",
                         svg(figure, "Size against energy of the resistance levels"),
                         numbers_of(levels.drop_vars(_OF_TRIALS, errors="ignore")))  # fmt: skip


def _one_point(found: xr.Dataset) -> Iterator[Figure]:
    one = found.squeeze(drop=True)
    trials = one.assign(value=one["trial"], value_low=one["trial_low"],
                        value_high=one["trial_high"])  # fmt: skip
    with canvas(6.4, 4.2) as (figure, axes):
        draw.criterion_against_size(trials, axes.flat[0])
        yield Figure(
            "trials", "Criterion against array size",
            "Mean over Monte Carlo arrays of each size tried, with its interval. Small arrays can "
            "be worse than larger ones because variability averages out over rows.",
            svg(figure, "Criterion against size with the limit"),
            numbers_of(one[list(_OF_TRIALS)]),
        )  # fmt: skip
    if not 0 < one["size"].item() <= 1024:
        return
    card = Technology.from_json(found.attrs["technology_card"])
    shape = one["rows"].item(), one["columns"].item()
    solved = typical_array(card, shape, one["segment_resistance"].item(), found.attrs["seed"])
    with canvas(9.0, 4.0, 1, 2) as (figure, axes):
        for ax, line in zip(axes.flat, ("word", "bit"), strict=True):
            draw.voltage_map(solved[f"{line}_line_voltage"], ax)
            ax.set_title(f"{line} lines", fontsize=10)
        yield Figure(
            "voltages", "Line voltages of one array of this size",
            "Median cells, random data with as many ones as zeros, every row driven from the left, "
            "every column sensed at the bottom; the same line resistance along both lines.",
            svg(figure, "Voltages of word lines and bit lines"),
            numbers_of(solved[["word_line_voltage", "bit_line_voltage"]]),
        )  # fmt: skip


def typical_array(
    technology: Technology, shape: tuple[int, int], segment_resistance: float, seed: int
) -> xr.Dataset:
    """Solve an array of median cells with random data, all rows at the card's read voltage.

    Returns
    -------
    Dataset
        Of `solve_crossbar` with all fields.
    """
    ones = stream(seed, "report.typical_array").random(shape) < 0.5
    if technology.has_states:
        lrs, hrs = (1 / technology[f"programming.{s}.resistance"] for s in ("LRS", "HRS"))
    else:
        lrs, hrs = technology["target.maximum"], technology["target.minimum"]
    return solve_crossbar(
        np.where(ones, lrs, hrs), np.full(shape[0], technology["read.voltage"]),
        word_line_resistance=segment_resistance, bit_line_resistance=segment_resistance,
        fields=True,
    )  # fmt: skip


def _caption(found: xr.Dataset, long: list[str]) -> str:
    caption = "Largest array that meets the limit; bars are the interval."
    if long[3:]:
        caption += f" At the first value of {', '.join(_HEADERS[d] for d in long[3:])}."
    if len(long) > 2 and found.sizes[long[2]] > 4:
        caption += f" The first four values of {_HEADERS[long[2]]}; all are in the table."
    return caption


def _is_positive(axis: xr.DataArray) -> bool:
    return bool(axis.dtype.kind in "fiu" and np.all(np.isfinite(axis)) and np.all(axis > 0))


def _name(criterion: str) -> str:
    return criterion.replace("_", " ")


def _sense(told: dict[str, Any]) -> str:
    return ">=" if told["criterion"] == "read_margin" else "<="


def _limit(told: dict[str, Any]) -> str:
    if told["criterion"] in ("output_error", "accuracy_drop", "bit_error_rate"):
        return f"{100 * told['limit']:.3g} %"
    return f"{told['limit']:.3g}"

"""``reliability size``: the largest array that works."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from reliability.commands.options import (
    command_line,
    entries,
    events_option,
    print_answer,
    quantities,
    report_options,
    results_folder,
    shown_progress,
    technology_option,
)
from reliability.errors import InputError, unknown_name


@click.command()
@technology_option
@click.option(
    "--criterion",
    default="output_error",
    show_default=True,
    help="output_error, step_error, bit_error_rate, read_margin or accuracy_drop.",
)
@click.option(
    "--limit",
    show_default="30% for output_error",
    help="Limit of the criterion; other criteria need it.",
)
@click.option(
    "--wire",
    default="130nm",
    show_default=True,
    help="Line resistance per cell ('2 ohm') or node of the wire table ('22nm'); a list.",
)
@click.option(
    "--cell-layout",
    default="1T1R",
    show_default=True,
    help="Cell layout: 1T1R, passive.",
)
@click.option("--lrs", help="Median LRS resistances, '10 kohm, 30 kohm'; default the card's.")
@click.option("--hrs", help="Median HRS resistances; or --ratio.")
@click.option("--ratio", help="HRS over LRS resistances, '10, 100'.")
@click.option("--variability", help="Factors on every sigma of the states, '0.5, 1'.")
@click.option("--nonlinearity", help="Voltages of sinh cells, '0.3 V, linear'.")
@click.option("--bias-scheme", help="Unselected lines: grounded, floating, V/2, V/3; a list.")
@click.option("--rows", help="Fixed number of rows, columns are searched; several give a border.")
@click.option("--columns", type=click.IntRange(1), help="Fixed number of columns.")
@click.option("--aspect", type=float, default=1.0, show_default=True, help="Columns over rows.")
@click.option("--read-voltage", help="Read voltage, instead of the card's.")
@click.option("--source-resistance", help="Resistance of each driver.")
@click.option("--sense-resistance", help="Resistance of each sense input.")
@click.option("--drive", default="left", show_default=True, help="Driven: left, right, both.")
@click.option(
    "--sense", default="bottom", show_default=True, help="Sensed ends: top, bottom, both."
)
@click.option("--density", default="50%", show_default=True, help="Fraction of stored ones.")
@click.option("--activity", default="50%", show_default=True, help="Fraction of driven rows.")
@click.option(
    "--access-resistance",
    help="Access transistor in series with each cell; default the card's in a 1T1R layout.",
)
@click.option("--gain-correction", is_flag=True, help="One factor on the sums of an array.")
@click.option("--time", help="Storage time of the cells before the read, '10 years'.")
@click.option("--temperature", default="25 degC", show_default=True, help="Storage temperature.")
@click.option("--network", default="spirit", show_default=True, help="Network of accuracy_drop.")
@click.option(
    "--reading",
    default="rows",
    show_default=True,
    help="Reading of accuracy_drop: rows (one at a time) or matrix (all at once).",
)
@click.option("--images", type=int, default=2000, show_default=True, help="Test images.")
@click.option(
    "--max-size",
    type=click.IntRange(2),
    default=512,
    show_default=True,
    help="Rows or columns at which a search ends.",
)
@click.option(
    "--draws",
    type=click.IntRange(0),
    default=8,
    show_default=True,
    help="Cards sampled from the uncertainty of the parameters.",
)
@click.option("--confidence", default="95%", show_default=True, help="Confidence of intervals.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the arrays.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for results and report.")
@report_options
@events_option
def size(as_json: bool, out: Path | None, **options: Any) -> None:
    """Find the largest array that meets a limit.

    The limit is of an error, a read margin or a loss of accuracy.

    Sizes are searched on Monte Carlo arrays of the technology's cells with exact currents. The
    interval holds the noise of these arrays and the uncertainty of the card and of the wire. With
    --out it writes results.zarr, size.json and report.html.

    \b
    Examples:
      reliability size
      reliability size --limit 20% --wire 22nm --lrs "10 kohm, 30 kohm, 100 kohm" --ratio 10,100 \\
          --out out/size
      reliability size --criterion bit_error_rate --limit 3% --wire "1 ohm, 5 ohm" --draws 0
      reliability size --criterion read_margin --limit 0.1 --bias-scheme grounded,V/2 \\
          --nonlinearity "0.1 V, linear"
      reliability size --limit 30% --rows "16, 64, 256"
      reliability size --criterion accuracy_drop --limit 1% --wire "5 ohm" --max-size 256
    """
    from reliability.crossbar import ConvergenceError
    from reliability.report.render import check_options
    from reliability.report.size_report import size_lines, size_table, write_size_report

    kind = {"formats": options.pop("formats"), "template": options.pop("template")}
    check_options(**kind)
    if out is not None:
        results_folder(out, "size.json")
    try:
        found = _search(as_json, options)
    except ConvergenceError as error:
        raise click.ClickException(str(error)) from error  # one line, exit code 1
    report = None if out is None else write_size_report(found, out, command=command_line(), **kind)
    answer = {"event": "done", **size_table(found)}
    print_answer(answer, size_lines(found), report, as_json)


def _search(as_json: bool, options: dict[str, Any]) -> Any:
    """Search that the options describe, with its progress on the screen."""
    from reliability.crossbar import size_map, sizes_by_rows
    from reliability.crossbar.criteria import CRITERIA
    from reliability.technology import load_technology

    limit, criterion = options["limit"], options["criterion"]
    if criterion not in (allowed := (*CRITERIA, "accuracy_drop")):
        raise unknown_name("criterion", criterion, allowed)
    if limit is None and criterion != "output_error":
        raise InputError(f"limit: got none, expected one for the criterion {criterion}")
    card = load_technology(options["technology"])
    axes = _axes(options)
    study = _study(options, axes)
    if criterion == "accuracy_drop":
        search = _tile_search(options, axes)
        with shown_progress("cards", as_json) as progress:
            return size_map(card, axes, search=search, progress=progress, **study)
    study |= _array(options)
    rows = [int(m) for m in quantities(options["rows"], "", "rows")] if options["rows"] else []
    with shown_progress("cards", as_json) as progress:
        return sizes_by_rows(card, axes, rows, progress=progress, **study)


def _study(options: dict[str, Any], axes: dict[str, list[Any]]) -> dict[str, Any]:
    """Arguments of every search."""
    from reliability.units import quantity

    study: dict[str, Any] = {
        "limit": quantity(options["limit"] or "30%", "", "limit"),
        "max_size": options["max_size"],
        "uncertainty_draws": options["draws"],
        "confidence": quantity(options["confidence"], "", "confidence", low=0.0, high=1.0),
        "seed": options["seed"],
    }
    for name in ("source_resistance", "sense_resistance"):
        if options[name]:
            study[name] = quantity(options[name], "ohm", name, low=0.0)
    if any(isinstance(wire, str) for wire in axes["wire"]):
        study["cell_layout"] = options["cell_layout"]
    return study


def _array(options: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a search on arrays of cells."""
    from reliability.mission import MissionProfile
    from reliability.units import quantity

    study: dict[str, Any] = {
        "density": quantity(options["density"], "", "density"),
        "activity": quantity(options["activity"], "", "activity"),
        **{name: options[name] for name in ("criterion", "drive", "sense", "columns", "aspect")},
    }
    if options["access_resistance"]:
        study["access_resistance"] = quantity(
            options["access_resistance"], "ohm", "access_resistance", low=0.0
        )
    if options["gain_correction"]:
        study["gain_correction"] = True
    if options["time"]:
        study["profile"] = MissionProfile.constant(options["time"], options["temperature"])
    if options["read_voltage"]:
        study["read_voltage"] = quantity(options["read_voltage"], "V", "read_voltage")
    return study


def _tile_search(options: dict[str, Any], axes: dict[str, list[Any]]) -> Callable[..., Any]:
    """Search of the tile on which a network loses too much accuracy."""
    from reliability.network import Network, TiledNetwork, load_network, tile_limit

    given: list[str] = [name for name in ("bias_scheme", "nonlinearity_voltage") if name in axes]
    given += [
        name
        for name in (
            "rows",
            "columns",
            "read_voltage",
            "access_resistance",
            "gain_correction",
            "time",
        )
        if options[name]
    ]
    if given:
        raise InputError(f"{given[0]}: does not go with the criterion accuracy_drop")
    network = load_network(options["network"])
    if not isinstance(network, Network):
        raise InputError(f"network: got {options['network']!r}, expected one of a single layer")
    return partial(tile_limit, TiledNetwork(network, options["reading"], images=options["images"]))


def _axes(options: dict[str, Any]) -> dict[str, list[Any]]:
    """Axes of the map: what was given, and always the wire."""
    axes: dict[str, list[Any]] = {}
    plain = (("lrs", "lrs_resistance", "ohm"), ("hrs", "hrs_resistance", "ohm"),
             ("ratio", "ratio", ""), ("variability", "variability", ""))  # fmt: skip
    for option, axis, unit in plain:
        if options[option]:
            axes[axis] = quantities(options[option], unit, option)
    axes["wire"] = [_wire(entry) for entry in entries(options["wire"], "wire")]
    if options["nonlinearity"]:
        axes["nonlinearity_voltage"] = [
            float("inf") if entry == "linear" else quantities(entry, "V", "nonlinearity")[0]
            for entry in entries(options["nonlinearity"], "nonlinearity")
        ]
    if options["bias_scheme"]:
        from reliability.crossbar.margins import BIAS_SCHEMES

        axes["bias_scheme"] = entries(options["bias_scheme"], "bias_scheme")
        for scheme in axes["bias_scheme"]:
            if scheme not in BIAS_SCHEMES:
                raise unknown_name("bias scheme", scheme, BIAS_SCHEMES)
    return axes


def _wire(entry: str) -> str | float:
    from reliability.units import quantity

    if entry.endswith("nm"):
        return entry.replace(" ", "")
    return quantity(entry, "ohm", "wire", low=0.0)

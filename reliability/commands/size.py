"""``reliability size``: the largest array that works."""

from collections.abc import Callable
from dataclasses import replace
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

_LIMITS = {"output_error": "30%", "accuracy_drop": "1%"}  # of a command without one
# Options of arrays, and the driven and sensed ends of tiles, with what they are by default.
_OF_ARRAYS = {"density": "50%", "activity": "50%", "aspect": 1.0}
_ENDS = {"drive": "left", "sense": "bottom"}


@click.command()
@technology_option
@click.option(
    "--criterion",
    show_default="accuracy_drop with --network, else output_error",
    help="output_error, step_error, bit_error_rate, read_margin or accuracy_drop.",
)
@click.option(
    "--limit",
    show_default="30% for output_error, 1% for accuracy_drop",
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
@click.option(
    "--network",
    show_default="spirit",
    help="Network of accuracy_drop: a name, or a TOML or ONNX file.",
)
@click.option(
    "--layer", help="Layers of a deep network, each alone on such tiles: a list, or each."
)
@click.option("--data", help="Test data of the network, instead of those that ship.")
@click.option(
    "--reading",
    show_default="rows",
    help="Reading of a network of one layer: rows (one at a time) or matrix (all at once).",
)
@click.option(
    "--images", type=click.IntRange(1), show_default="2000, 500 deep", help="Test images."
)
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
      reliability size --network spirit --limit 1% --wire "5 ohm" --max-size 256
      reliability size --network mobilenet-mnist --technology oxram-analog --layer each --draws 0
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
    from reliability.units import quantity

    criterion = options["criterion"] or ("accuracy_drop" if options["network"] else "output_error")
    options |= {"criterion": criterion}
    if criterion not in (allowed := (*CRITERIA, "accuracy_drop")):
        raise unknown_name("criterion", criterion, allowed)
    if (limit := options["limit"] or _LIMITS.get(criterion)) is None:
        raise InputError(f"limit: got none, expected one for the criterion {criterion}")
    card = load_technology(options["technology"])
    axes = _axes(options)
    study = _study(options, axes) | {"limit": quantity(limit, "", "limit")}
    if criterion == "accuracy_drop":
        search = _tile_search(card, options, axes, study)
        with shown_progress("cards", as_json) as progress:
            return size_map(card, axes, search=search, progress=progress, **study)
    for name in ("network", "layer", "data", "reading", "images"):
        if options[name]:
            raise InputError(f"{name}: goes with the criterion accuracy_drop, got {criterion}")
    study |= _array(options)
    rows = [int(m) for m in quantities(options["rows"], "", "rows")] if options["rows"] else []
    with shown_progress("cards", as_json) as progress:
        return sizes_by_rows(card, axes, rows, progress=progress, **study)


def _study(options: dict[str, Any], axes: dict[str, list[Any]]) -> dict[str, Any]:
    """Arguments of every search."""
    from reliability.units import quantity

    study: dict[str, Any] = {
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


def _tile_search(
    card: Any, options: dict[str, Any], axes: dict[str, list[Any]], study: dict[str, Any]
) -> Callable[..., Any]:
    """Search of the tile on which a network loses too much accuracy."""
    from reliability.mission import MissionProfile
    from reliability.network import (
        DeepNetwork,
        TiledDeepNetwork,
        TiledNetwork,
        load_network,
        tile_limit,
    )
    from reliability.network.deep.chips import default_tiling

    given: list[str] = [name for name in ("bias_scheme", "nonlinearity_voltage") if name in axes]
    given += [name for name in ("rows", "columns", "read_voltage", "access_resistance")
              if options[name]]  # fmt: skip
    given += [name for name, usual in _OF_ARRAYS.items() if options[name] != usual]
    if given:
        raise InputError(f"{given[0]}: does not go with the criterion accuracy_drop")
    study |= {name: options[name] for name, usual in _ENDS.items() if options[name] != usual}
    profile = None
    if options["time"]:
        profile = MissionProfile.constant(options["time"], options["temperature"])
    network = load_network(options["network"] or "spirit")
    if isinstance(network, DeepNetwork):
        if options["reading"]:
            raise InputError(f"reading: goes with a network of one layer, got {network.name}")
        if options["layer"]:
            axes["layer"] = _layers(options["layer"], network)
        tiling = None
        if options["gain_correction"]:
            tiling = replace(default_tiling(card), compensation="gain")
        return partial(tile_limit, TiledDeepNetwork(
            network, tiling=tiling, images=options["images"] or 500, data=options["data"],
            profile=profile,
        ))  # fmt: skip
    for name in ("layer", "data", "gain_correction"):
        if options[name]:
            raise InputError(f"{name}: goes with a deep network, got {network.name}")
    return partial(tile_limit, TiledNetwork(
        network, options["reading"] or "rows", images=options["images"] or 2000, profile=profile
    ))  # fmt: skip


def _layers(text: str, network: Any) -> list[str]:
    names = [layer.name for layer in network.layers]
    chosen = names if text == "each" else entries(text, "layer")
    for name in chosen:
        if name not in names:
            raise unknown_name(f"layer of {network.name}", name, names)
    return chosen


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

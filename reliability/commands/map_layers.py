"""``reliability map``: tiles, conversions, energy, latency and area of a network."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from reliability.commands.options import json_option, print_answer, print_columns


@click.command(name="map")
@click.argument("network")
@click.option("--technology", help="Card name or file; default techB, oxram-130nm for bits.")
@click.option(
    "--cells", default="levels", show_default=True, help="Cells of a weight: levels, bits or pairs."
)
@click.option("--weight-bits", type=int, help="Bits of a weight, sign included, for bits.")
@click.option("--bits-per-cell", type=int, help="Bits of a cell, for bits.")
@click.option("--rows", type=int, help="Rows of a tile; default 256.")
@click.option("--columns", type=int, help="Columns of a tile; default 256.")
@click.option(
    "--mapping",
    type=click.Choice(["differential", "offset", "reference", "dummy", "twos_complement"]),
    help="Cells of a signed weight; default differential.",
)
@click.option(
    "--pairing",
    type=click.Choice(["columns", "rows", "separate"]),
    help="Place of the cells of a pair; default columns.",
)
@click.option("--serial-inputs", is_flag=True, help="Inputs bit by bit, with --dac-bits.")
@click.option("--dac-bits", type=int, help="Bits of an input; 8 are counted without.")
@click.option("--adc-bits", type=int, help="Bits of a sum; 8 are counted without.")
@click.option("--copies", type=int, default=1, show_default=True,
              help="Cells in parallel in the place of each.")  # fmt: skip
@click.option("--spare-columns", type=int, default=0, show_default=True,
              help="Spare outputs of each layer.")  # fmt: skip
@click.option("--node", default="32nm", show_default=True, help="CMOS node of the chip.")
@click.option(
    "--components", default="tiles", show_default=True, help="Component parameters, name or file."
)
@click.option("--input-shape", help="Shape of one input where the network leaves it open, '28,4'.")
@click.option(
    "--draws", type=click.IntRange(1), default=200, show_default=True,
    help="Component parameters sampled from their uncertainty.",
)  # fmt: skip
@click.option("--confidence", default="90%", show_default=True, help="Confidence of intervals.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the samples.")
@click.option("--out", type=click.Path(path_type=Path), help="CSV file of the layers, SI units.")
@json_option
def map_layers(
    network: str,
    input_shape: str | None,
    confidence: str,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """List tiles, conversions, energy, latency and area of each layer of NETWORK.

    NETWORK is an ONNX file or the name of a network that ships.

    \b
    Examples:
      reliability map mobilenet-mnist --rows 128 --columns 64 --adc-bits 8
      reliability map net.onnx --cells bits --weight-bits 4 --node 14nm --out layers.csv
      reliability map net.onnx --input-shape 28,4 --json
    """
    from reliability.architecture import map_network
    from reliability.files import replace_bytes
    from reliability.network import Tiling, load_network
    from reliability.report.mapping_table import mapping_table
    from reliability.units import quantity

    given = {f.name: options.pop(f.name) for f in fields(Tiling) if f.name in options}
    tiling = Tiling(**{name: value for name, value in given.items() if value is not None})
    shape = None if input_shape is None else _shape(input_shape)
    found = map_network(
        load_network(network),  # type: ignore[arg-type]  # refused if it is no deep one
        tiling,
        input_shape=shape,
        confidence=quantity(confidence, "", "confidence"),
        **options,
    )
    if out is not None:
        totals = [name for name in found if str(name).startswith("total_")]
        layers = found.drop_dims("part").drop_vars(totals)
        replace_bytes(out, layers.to_dataframe().to_csv().encode())
    if not as_json:
        print_columns(mapping_table(found))
    names = [f"total_{name}{end}" for name in _TOTALS for end in ("", "_low", "_high")]
    answer = {name: found[name].item() for name in names} | {
        name: found.attrs[name]
        for name in ("network", "technology", "components", "node", "digital", "digital_fraction")
    }
    answer |= {name: int(found[name].sum()) for name in ("weights", "cells", "tiles")}
    print_answer(answer, _sentences(found), None, as_json)


_TOTALS = ("energy", "latency", "area")


def _shape(text: str) -> tuple[int, ...]:
    from reliability.errors import InputError

    try:
        return tuple(int(size) for size in text.replace("x", ",").split(","))
    except ValueError:
        raise InputError(f"--input-shape: got {text!r}, expected sizes such as 28,4") from None


def _sentences(found: Any) -> list[str]:
    from reliability.report.mapping_table import node_of, total

    per = {"energy": " per inference", "latency": " per inference, layer after layer", "area": ""}
    level = f", {found.attrs['confidence']:.0%} confidence"
    said = [f"{name.capitalize()}: {total(found, name, level)}{per[name]}." for name in _TOTALS]
    said.append(
        f"{int(found['cells'].sum())} cells of {found.attrs['technology']} on "
        f"{int(found['tiles'].sum())} tiles at {node_of(found)}."
    )
    said += [f"{note}." for note in found.attrs["warnings"]]
    if found.attrs["digital"]:
        said.append(
            f"Digital: {', '.join(found.attrs['digital'])}, "
            f"{found.attrs['digital_fraction']:.1%} of the operations, not in these costs."
        )
    return said

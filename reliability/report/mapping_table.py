"""Table of the tiles, conversions, energy, latency and area of each layer of a deep network."""

import xarray as xr

from reliability.campaign.spec import Study
from reliability.campaign.study_mapping import mapped
from reliability.report.page import Table
from reliability.report.words import percent
from reliability.units import engineering

_COSTS = ("energy", "latency", "area")
_HEADER = (
    "layer", "operator", "rows × outputs", "tiles", "utilisation", "reads", "DAC", "ADC", *_COSTS,
)  # fmt: skip


def mapping_table(found: xr.Dataset, text: str = "") -> Table:
    """Return one row for each layer.

    Parameters
    ----------
    found : Dataset
        Of `reliability.map_network`.
    text : str
        What the table says of itself.

    Examples
    --------
    >>> import reliability as rel
    >>> found = rel.map_network(rel.load_network("mobilenet-mnist"))
    >>> mapping_table(found).rows[0][:4]
    ['stem', 'Conv', '9 × 16', '1']
    """
    rows = []
    for name in found["layer"].values:
        one = found.sel(layer=name)
        whole = [f"{int(one[k]):d}" for k in ("reads", "dac_conversions", "adc_conversions")]
        rows.append(
            [
                str(name),
                str(one["operator"].item()),
                f"{int(one['rows'])} × {int(one['outputs'])}",
                f"{int(one['tiles'])}",
                percent(one["utilisation"].item()),
                *whole,
                *(engineering(one[k].item(), one[k].attrs["units"]) for k in _COSTS),
            ]
        )
    return Table("mapping", "Mapping of layers to tiles", text, _HEADER, rows)


def total(found: xr.Dataset, name: str, level: str = "") -> str:
    """Return a cost of the whole network with its interval, whose level may stand behind it.

    >>> found = xr.Dataset({"area": ("layer", [1e-8, 1e-8], {"units": "m^2"}), "total_area": 2e-8,
    ...                     "total_area_low": 1e-8, "total_area_high": 4e-8})
    >>> total(found, "area")
    '0.02 mm² (0.01 mm² to 0.04 mm²)'
    """
    unit = found[name].attrs["units"]
    value, low, high = (
        engineering(found[f"total_{name}{end}"].item(), unit) for end in ("", "_low", "_high")
    )
    return f"{value} ({low} to {high}{level})"


def node_of(found: xr.Dataset) -> str:
    """Return the CMOS node in words.

    >>> node_of(xr.Dataset(attrs={"node": "32nm"}))
    '32 nm'
    """
    return str(found.attrs["node"]).replace("nm", " nm")


def mapping_of(study: Study) -> list[Table]:
    """Return the mapping table of a study's network; none of a network of one layer."""
    found = mapped(study)
    if found is None:
        return []
    digital = found.attrs["digital"]
    totals = "; ".join(f"{name} {total(found, name)}" for name in _COSTS)
    text = (
        "Per inference: reads of a cell, conversions, energy and latency; nominal component "
        f"parameters at {node_of(found)}, layers one after the other. In all, with "
        f"{percent(found.attrs['confidence'], 0)} intervals: {totals}."
    )
    if digital:
        fraction = found.attrs["digital_fraction"]
        text += f" Digital, {percent(fraction)} of the operations: {', '.join(digital)}."
    return [mapping_table(found, text)]

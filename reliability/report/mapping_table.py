"""Table of the tiles, conversions, energy, latency and area of each layer of a deep network."""

import xarray as xr

from reliability.campaign.spec import Study
from reliability.campaign.study_mapping import mapped
from reliability.report.page import Table
from reliability.report.words import percent
from reliability.units import engineering

_COSTS = ("energy", "latency", "area")
_HEADER = (
    "layer", "operator", "rows x outputs", "tiles", "utilisation", "reads", "DAC", "ADC", *_COSTS,
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
    ['stem', 'Conv', '9 x 16', '1']
    """
    rows = []
    for name in found["layer"].values:
        one = found.sel(layer=name)
        whole = [f"{int(one[k]):d}" for k in ("reads", "dac_conversions", "adc_conversions")]
        rows.append(
            [
                str(name),
                str(one["operator"].item()),
                f"{int(one['rows'])} x {int(one['outputs'])}",
                f"{int(one['tiles'])}",
                percent(one["utilisation"].item()),
                *whole,
                *(engineering(one[k].item(), one[k].attrs["units"]) for k in _COSTS),
            ]
        )
    return Table("mapping", "Mapping of layers to tiles", text, _HEADER, rows)


def mapping_of(study: Study) -> list[Table]:
    """Return the mapping table of a study's network; none of a network of one layer."""
    found = mapped(study)
    if found is None:
        return []
    digital = found.attrs["digital"]
    text = (
        "Per inference: reads of a cell, conversions, energy and latency; nominal component "
        f"parameters at {found.attrs['node']}, layers one after the other. "
        f"Total energy {engineering(found['total_energy'].item(), 'J')} "
        f"({engineering(found['total_energy_low'].item(), 'J')} to "
        f"{engineering(found['total_energy_high'].item(), 'J')}, "
        f"{percent(found.attrs['confidence'], 0)} confidence)."
    )
    if digital:
        fraction = found.attrs["digital_fraction"]
        text += f" Digital, {percent(fraction)} of the operations: {', '.join(digital)}."
    return [mapping_table(found, text)]

"""Tiles and cost per image of a study's network of many layers."""

from typing import Any

import xarray as xr

from reliability.architecture import map_network
from reliability.campaign.frame import StudyFrame
from reliability.network import DeepNetwork

_DRAWS = 100  # of the component parameters

# Numbers of the answer with their intervals, by the total of `map_network`.
_NUMBERS = {
    "energy": "energy_per_image_joule",
    "latency": "latency_per_image_second",
    "area": "tile_area_m2",
}
INTERVALS = {name: (f"{name}_low", f"{name}_high") for name in _NUMBERS.values()}


def mapped(study: StudyFrame) -> xr.Dataset | None:
    """Return the layers of a study's network on its tiles; None of a network of one layer."""
    network, technology = study.load_network(), study.load_technology()
    if not isinstance(network, DeepNetwork):
        return None
    data = study.load_data()
    shape = study.network.input_shape if data is None else data["inputs"].shape[1:]
    tiling, n = study.tiling.tiling(technology), study.network
    return study.known(
        ("mapped", network.fingerprint, technology.fingerprint, tiling, shape, n.copies,
         n.spare_columns),
        lambda: map_network(
            network, tiling, technology=technology, input_shape=shape, draws=_DRAWS,
            copies=n.copies, spare_columns=n.spare_columns,
        ),
    )  # fmt: skip


def cost_of_image(study: StudyFrame) -> dict[str, Any]:
    """Return energy and latency of an image and the area of the tiles, each with its interval."""
    found = mapped(study)
    if found is None:
        return {}
    return {
        f"{name}{end}": found[f"total_{total}{end}"].item()
        for total, name in _NUMBERS.items()
        for end in ("", "_low", "_high")
    }

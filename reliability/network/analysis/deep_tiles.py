"""A deep network on tiles with resistive lines: all of its layers, or one of them alone."""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.mission import MissionProfile
from reliability.network.deep.chips import aged_and_calibrated, default_tiling
from reliability.network.deep.deep_evaluation import evaluate_deep
from reliability.network.deep.layer_mapping import program_layers
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.tiling import Tiling
from reliability.technology import Technology


@dataclass(frozen=True)
class TiledDeepNetwork:
    """A deep network on tiles, and the chips and images that it is evaluated with.

    Parameters
    ----------
    network : DeepNetwork
    layer : str, optional
        Layer that lies on tiles with resistive lines, the others on ideal ones; by default all.
    tiling : Tiling, optional
        Cells, mapping and converters; its rows, columns and lines are replaced. By default levels
        where the card has them, else bits, with exact converters.
    chips, images : int
        Chips sampled of each card, and test images.
    data : optional
        Test images as of `reliability.network.evaluate_deep`; by default those that ship.
    profile : MissionProfile, optional
        Mission of the chips before they are read.

    Raises
    ------
    InputError
        A layer that the network does not have, or a mapping with reference columns.

    Examples
    --------
    >>> import reliability as rel
    >>> tiled = TiledDeepNetwork(rel.load_network("mobilenet-mnist"), images=50)
    >>> chips = tiled.sample(rel.load_technology("oxram-analog"), seed=1)
    >>> seen = tiled.seen(chips, (64, 64), {"bit_line_resistance": 1.0})
    >>> tiled.accuracy(seen, 1).shape
    (8,)
    """

    network: DeepNetwork
    layer: str | None = None
    tiling: Tiling | None = None
    chips: int = 8
    images: int = 500
    data: Any = None
    profile: MissionProfile | None = None

    conditions = ("node", "cell_layout", "source_resistance", "sense_resistance")

    def __post_init__(self) -> None:
        names = [layer.name for layer in self.network.layers]
        if self.layer is not None and self.layer not in names:
            raise unknown_name(f"layer of {self.network.name}", self.layer, names)
        if self.tiling is not None and self.tiling.references:
            raise InputError(f"tiling: mapping: got {self.tiling.mapping!r}, whose reference "
                             "columns depend on the tile; expected 'differential'")  # fmt: skip

    def smallest(self, card: Technology) -> int:
        """Return the lines of the smallest tile that holds a weight."""
        return (self.tiling or default_tiling(card)).columns_of_a_weight

    @property
    def described(self) -> str:
        """What a report says of how the tiles are read."""
        layers = "all layers" if self.layer is None else f"layer {self.layer} alone"
        return f"all rows of a tile at once, {layers} on such tiles"

    def sample(self, card: Technology, seed: int) -> xr.Dataset:
        """Return the chips of a card, on tiles with ideal lines."""
        tiling = (self.tiling or default_tiling(card)).ideal()
        cells = program_layers(card, self.network, tiling, chips=self.chips, seed=seed)
        return cells if self.profile is None else aged_and_calibrated(cells, self.profile, tiling)

    def accuracy(self, population: xr.Dataset, seed: int) -> NDArray[np.float64]:
        """Return the accuracy of each chip."""
        found = evaluate_deep(
            self.network, population, images=self.images, data=self.data, seed=seed
        )
        return np.asarray(found["accuracy"].values, float)

    def seen(
        self, population: xr.Dataset, tile: tuple[int, int], lines: dict[str, float], **circuit: Any
    ) -> xr.Dataset:
        """Return the chips on tiles of so many rows and columns with resistive lines."""
        whole = Tiling(**json.loads(population.attrs["tiling"]))
        own = {"rows": tile[0], "columns": tile[1], **lines, **circuit}
        if self.layer is None:
            whole = replace(whole, **own)
        else:
            kept = dict(whole.layers)
            kept[self.layer] = {**kept.get(self.layer, {}), **own}
            whole = replace(whole, layers=kept)
        return population.assign_attrs(tiling=whole.text)

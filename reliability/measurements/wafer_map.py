"""Die indices to millimetres on the wafer, whatever way the prober counts and the notch points."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError, unknown_name
from reliability.units import quantity

_TURNS = {"down": 0, "left": 1, "up": 2, "right": 3}  # quarter turns counter-clockwise


@dataclass(frozen=True)
class WaferMap:
    """How a prober counts dies.

    Parameters
    ----------
    pitch_x, pitch_y : float
        Step from die to die along the prober's axes (mm); text with a unit is accepted by
        :func:`wafer_map_from`.
    centre_x, centre_y : float
        Die index at the wafer centre; a half number when the centre lies between two dies.
    notch : {"down", "left", "up", "right"}
        Where the notch (or flat) points in the prober's picture.
    x_direction : {"right", "left"}
        Where the x index grows.
    y_direction : {"up", "down"}
        Where the y index grows.
    """

    pitch_x: float
    pitch_y: float
    centre_x: float = 0.0
    centre_y: float = 0.0
    notch: str = "down"
    x_direction: str = "right"
    y_direction: str = "up"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("notch", tuple(_TURNS)),
            ("x_direction", ("right", "left")),
            ("y_direction", ("up", "down")),
        ):
            if getattr(self, name) not in allowed:
                raise unknown_name(f"wafer_map.{name}", str(getattr(self, name)), allowed)
        for name in ("pitch_x", "pitch_y"):
            if not getattr(self, name) > 0:
                raise InputError(f"wafer_map.{name}: got {getattr(self, name)}, allowed > 0 mm")

    def positions(
        self, die_x: ArrayLike, die_y: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return x, y and radius of die centres, seen with the notch down, x right and y up.

        Parameters
        ----------
        die_x, die_y : array_like, shape (n,)
            Indices as the prober counts them.

        Returns
        -------
        x, y, radius : ndarray, shape (n,)
            In mm from the wafer centre.

        Examples
        --------
        The notch points right: what the prober shows on the right lies at the bottom.

        >>> prober = WaferMap(pitch_x=10, pitch_y=8, notch="right")
        >>> x, y, radius = prober.positions([3], [0])
        >>> float(x[0]), float(y[0]), float(radius[0])
        (0.0, -30.0, 30.0)
        """
        right = (np.asarray(die_x, dtype=float) - self.centre_x) * self.pitch_x
        up = (np.asarray(die_y, dtype=float) - self.centre_y) * self.pitch_y
        right = -right if self.x_direction == "left" else right
        up = -up if self.y_direction == "down" else up
        for _ in range(_TURNS[self.notch]):
            right, up = -up, right
        return right + 0.0, up + 0.0, np.hypot(right, up)


def wafer_map_from(table: "Mapping[str, Any] | WaferMap") -> WaferMap:
    """Make a wafer map from a table of a specification.

    Raises
    ------
    InputError
        A key that does not exist, or a missing pitch.

    Examples
    --------
    >>> wafer_map_from({"pitch_x": "12.4 mm", "pitch_y": "9800 um", "notch": "up"}).pitch_y
    9.8
    """
    if isinstance(table, WaferMap):
        return table
    allowed = [field.name for field in fields(WaferMap)]
    for key in table:
        if key not in allowed:
            raise unknown_name("key of wafer_map", key, allowed)
    values = dict(table)
    for name in ("pitch_x", "pitch_y"):
        if name not in values:
            raise InputError(f"wafer_map.{name}: missing, but it is required")
        values[name] = quantity(values[name], "mm", f"wafer_map.{name}")
    for name in ("centre_x", "centre_y"):
        values[name] = quantity(values.get(name, 0.0), "", f"wafer_map.{name}")
    return WaferMap(**values)


def place_dies(dataset: xr.Dataset, wafer_map: WaferMap) -> xr.Dataset:
    """Add x, y and radius (mm) to the dies of a Dataset that has ``die_x`` and ``die_y``.

    Raises
    ------
    InputError
        The dies have no indices.
    """
    if "die_x" not in dataset or "die_y" not in dataset:
        raise InputError("wafer_map: the file gives no die_x and die_y to place")
    x, y, radius = wafer_map.positions(dataset["die_x"].values, dataset["die_y"].values)
    millimetre = {"units": "mm"}
    return dataset.assign_coords(
        x=("die", x, millimetre), y=("die", y, millimetre), radius=("die", radius, millimetre)
    )

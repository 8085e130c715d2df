"""Resistance of the lines of an array, from the wire table ``data/wires.toml``."""

import math
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reliability.errors import InputError, unknown_name
from reliability.resources import data_folder
from reliability.units import quantity


@dataclass(frozen=True)
class Wire:
    """A copper wire of the first metal layers.

    Attributes
    ----------
    node : str
    width, thickness, barrier : float
        m.
    resistivity : float
        Of the copper core at its width, ohm m.
    resistance_per_length : float
        Ohm per metre of wire at 300 K.
    sigma_ln : float
        Standard deviation of the logarithm of that resistance: process spread, and where two
        published models of the size effect apply, half the logarithm of their ratio.
    source : str
    """

    node: str
    width: float
    thickness: float
    barrier: float
    resistivity: float
    resistance_per_length: float
    sigma_ln: float
    source: str

    def segment_resistance(self, cell: str = "1T1R") -> tuple[float, float]:
        """Ohm per cell along the word line and along the bit line.

        Parameters
        ----------
        cell : {"passive", "1T1R"}

        Examples
        --------
        >>> word, bit = load_wire("22nm").segment_resistance("passive")
        >>> round(word, 2), bit == word
        (0.92, True)
        """
        pitches = _table()["cell_pitch"]
        if cell not in pitches:
            raise unknown_name("cell", cell, pitches)
        pitch = pitches[cell]
        per_width = self.resistance_per_length * self.width
        return per_width * pitch["word"], per_width * pitch["bit"]


def load_wire(node: str) -> Wire:
    """Return the wire of a CMOS node, ``"130nm"`` to ``"7nm"``.

    The barrier covers the bottom and both sides and does not conduct, so the copper core is
    ``width - 2 barrier`` wide and ``thickness - barrier`` thick.

    Examples
    --------
    >>> wire = load_wire("130nm")
    >>> round(wire.resistance_per_length * 1e-6, 3)  # ohm per micrometre
    0.48
    >>> load_wire("130 nm")
    Traceback (most recent call last):
    reliability.errors.InputError: unknown node '130 nm'; did you mean '130nm'? allowed: ...
    """
    table = _table()
    if node not in table["nodes"]:
        raise unknown_name("node", node, table["nodes"])
    entry = table["nodes"][node]
    width, barrier = _si(entry["width"], "m"), _si(entry["barrier"], "m")
    thickness = width * entry["aspect_ratio"]["value"]
    resistivity = _si(entry["resistivity"], "ohm m")
    core_width, core_height = width - 2 * barrier, thickness - barrier
    per_length = resistivity / (core_width * core_height)
    sigma = table["spread"]["sigma_ln"]["value"]
    if width <= _si(table["size_effect"]["widest"], "m"):
        other = size_effect_resistivity(core_width, core_height)
        sigma = math.hypot(sigma, abs(math.log(other / resistivity)) / 2)
    source = table["sources"][entry["resistivity"]["source"]]
    return Wire(node, width, thickness, barrier, resistivity, per_length, sigma, source)


def size_effect_resistivity(width: float, height: float) -> float:
    """Resistivity (ohm m) of a rectangular copper core, after Ciofi et al. 2016, eq. 1.

    ``rho = rho_b + rho_q 2 L (tanh(w / 2L) / w + tanh(h / 2L) / h)``: an exponential rise towards
    the surfaces, averaged over the cross section. Parameters in ``data/wires.toml``. Valid for
    narrow damascene copper (to about 45 nm).

    Parameters
    ----------
    width, height : float
        Of the copper, m.

    Examples
    --------
    >>> round(size_effect_resistivity(16e-9, 30e-9) * 1e9, 1)  # nohm m
    89.9
    """
    if not (width > 0 and height > 0):
        raise InputError(f"width, height: got {width:g} and {height:g} m, expected positive")
    fit = _table()["size_effect"]
    bulk, surface = _si(fit["bulk"], "ohm m"), _si(fit["surface"], "ohm m")
    length = _si(fit["length"], "m")
    sides = sum(2 * length * math.tanh(side / (2 * length)) / side for side in (width, height))
    return bulk + surface * sides


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads((data_folder() / "wires.toml").read_text())


def _si(entry: dict[str, Any], unit: str) -> float:
    return quantity(f"{entry['value']} {entry['unit']}", unit)

"""CMOS nodes: energy, delay and area of logic from one to another, from ``data/nodes.toml``.

The scaling is that of A. Stillmaker and B. Baas, Integration 58, 74-81 (2017),
doi:10.1016/j.vlsi.2017.02.002: polynomials in the supply voltage, fitted to circuits simulated with
predictive transistor models from 180 nm to 7 nm. They give ratios between nodes, not values.
"""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from reliability.errors import unknown_name
from reliability.resources import data_folder


@dataclass(frozen=True)
class Node:
    """A CMOS node.

    Attributes
    ----------
    name : str
        ``"130nm"``.
    feature : float
        The size that it is named after, m.
    supply : float
        Nominal, V.
    area : float
        Of logic, relative to 180 nm.
    sram_cell : float
        Area of a six-transistor cell, m^2.
    """

    name: str
    feature: float
    supply: float
    area: float
    sram_cell: float
    _energy: tuple[float, ...]
    _delay: tuple[float, ...]

    def energy(self, supply: float | None = None) -> float:
        """Relative energy of a gate at a supply voltage (V; the nominal one by default)."""
        return float(np.polyval(self._energy, self.supply if supply is None else supply))

    def delay(self, supply: float | None = None) -> float:
        """Relative delay of a gate at a supply voltage (V; the nominal one by default).

        The fitted cubics turn up by a few per cent near their upper end, where gates do not get
        slower: the least value from half a volt on is taken.
        """
        supply = self.supply if supply is None else supply
        steps = 40
        below = (0.5 + (supply - 0.5) * k / steps for k in range(steps + 1))
        return min(float(np.polyval(self._delay, voltage)) for voltage in below)


def load_node(name: str) -> Node:
    """Return a CMOS node, ``"130nm"`` to ``"7nm"``.

    Examples
    --------
    >>> old, new = load_node("130nm"), load_node("7nm")
    >>> round(old.energy() / new.energy()), round(old.delay() / new.delay(), 1)
    (108, 10.4)
    >>> load_node("130 nm")
    Traceback (most recent call last):
    reliability.errors.InputError: unknown node '130 nm'; did you mean '130nm'? allowed: ...
    """
    table = _table()["nodes"]
    if name not in table:
        raise unknown_name("node", name, table)
    entry = table[name]
    feature = float(name.removesuffix("nm")) * 1e-9
    scaling = entry["scaling"]
    return Node(
        name=name,
        feature=feature,
        supply=entry["supply"]["value"],
        area=scaling["area"],
        sram_cell=entry["sram_cell"]["value"] * feature**2,
        _energy=tuple(scaling["energy"]),
        _delay=tuple(scaling["delay"]),
    )


def list_nodes() -> list[str]:
    """Return the names of the nodes, oldest first.

    >>> list_nodes()[0], list_nodes()[-1]
    ('130nm', '7nm')
    """
    return list(_table()["nodes"])


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return tomllib.loads((data_folder() / "nodes.toml").read_text())

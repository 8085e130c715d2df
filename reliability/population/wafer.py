"""The wafer: where its dies lie, and what that does to the cells of a die."""

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.random import stream
from reliability.technology import Technology

_MOST_SITES = 1e6
_UNKNOWN_SITES = 10_000  # of cells whose wafer is not known


def die_sites(technology: Technology) -> NDArray[np.float64]:
    """Return the die positions of a wafer, in the order in which dies are taken.

    The order is a fixed shuffle: any number of dies covers the wafer evenly, and die k stays where
    it is when more are asked for.

    Returns
    -------
    ndarray, shape (sites, 2)
        x and y of the die centres from the wafer centre, m; NaN of measured cells, whose file does
        not say what the wafer was.

    Examples
    --------
    >>> import reliability as rel
    >>> sites = die_sites(rel.load_technology("oxram-130nm"))
    >>> bool(np.hypot(*sites.T).max() < 0.1)  # inside a 200 mm wafer
    True
    """
    if technology.models.get("cells") == "measured" and "wafer.diameter" not in technology:
        return np.full((_UNKNOWN_SITES, 2), np.nan)
    width, height = technology["wafer.die_width"], technology["wafer.die_height"]
    limit = technology["wafer.diameter"] / 2 - technology["wafer.edge_exclusion"]
    if (count := np.pi * limit**2 / (width * height)) > _MOST_SITES:
        raise InputError(f"technology: {count:.3g} dies on a wafer, allowed up to {_MOST_SITES:g}")
    nx, ny = int(limit / width) + 1, int(limit / height) + 1
    x, y = np.meshgrid(np.arange(-nx, nx + 1) * width, np.arange(-ny, ny + 1) * height)
    inside = np.hypot(np.abs(x) + width / 2, np.abs(y) + height / 2) <= limit
    sites = np.column_stack([x[inside], y[inside]])
    return sites[stream(0, "die order").permutation(len(sites))]


def radial_positions(technology: Technology) -> NDArray[np.float64]:
    """Return (r / wafer radius)^2 - 1/2 of every die site: the shape of the radial effect.

    Returns
    -------
    ndarray, shape (sites,)
        In the order of `die_sites`; between -1/2 (centre) and +1/2 (edge).

    Examples
    --------
    >>> import reliability as rel
    >>> shape = radial_positions(rel.load_technology("oxram-130nm"))
    >>> float(shape.min()), bool(shape.max() < 0.5)
    (-0.5, True)
    """
    edge = technology["wafer.diameter"] / 2
    return (np.hypot(*die_sites(technology).T) / edge) ** 2 - 0.5

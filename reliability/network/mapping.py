"""Signed integer weights on differential groups of single-level 1T1R cells.

A weight w between -n and +n is n cells on a positive and n on a negative side, in parallel: |w|
cells of the side of its sign are in the LRS, all others in the HRS. With the select transistor in
series each cell carries G_eff = 1 / (1/G + R_series), and the synapse reads

    w_read = (sum of G_eff on the positive side - sum on the negative side) / G_unit

where G_unit = mean G_eff(LRS) - mean G_eff(HRS) of the nominal technology, to which the current
injectors are set. The HRS background cancels in the mean, its spread does not.
"""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.devices import programming
from reliability.devices.programming import Programming
from reliability.network.model import Network
from reliability.population import sample_dies
from reliability.technology import Technology


def map_weights(network: Network) -> NDArray[np.str_]:
    """Return the state of every cell of a chip.

    Returns
    -------
    ndarray of str, shape (inputs * outputs * 2 * n,)
        ``"LRS"`` or ``"HRS"``, ordered by input, output, side (positive first) and cell.

    Examples
    --------
    >>> net = Network("tiny", np.array([[2], [-1]]), weight_max=2)
    >>> map_weights(net).reshape(2, 1, 2, 2)[1, 0].tolist()
    [['HRS', 'HRS'], ['LRS', 'HRS']]
    """
    w = network.weights.astype(int)
    count = np.stack([np.maximum(w, 0), np.maximum(-w, 0)], axis=-1)  # LRS cells on each side
    low = np.arange(network.weight_max) < count[..., None]
    return np.where(low, "LRS", "HRS").ravel()


def sample_chips(
    technology: Technology,
    network: Network,
    *,
    chips: int,
    first: int = 0,
    dies_per_wafer: int = 25,
    seed: int = 0,
    lot: int = 0,
) -> xr.Dataset:
    """Program the network on chips ``first`` to ``first + chips`` of a lot, one chip per die.

    Returns
    -------
    Dataset
        As `reliability.sample_population`, with dimensions (chip, cell), in float32.

    Examples
    --------
    >>> import reliability as rel
    >>> chips = sample_chips(
    ...     rel.load_technology("oxram-130nm"), rel.load_network("spirit"), chips=2, seed=1)
    >>> dict(chips["conductance"].sizes)
    {'chip': 2, 'cell': 11520}
    """
    return sample_dies(
        technology,
        state=list(map_weights(network)),
        count=chips,
        first=first,
        dies_per_wafer=dies_per_wafer,
        seed=seed,
        lot=lot,
    )


def in_series(conductance: NDArray[np.floating], resistance: float) -> NDArray[np.floating]:
    """Return the conductance, S, of cells with a resistance (ohm) in series."""
    return conductance / (1 + conductance * conductance.dtype.type(resistance))


def unit_conductance(technology: Technology) -> float:
    """Return G_unit, the conductance (S) that one unit of weight stands for.

    The mean over each state's distribution is taken at 999 evenly spaced quantiles.
    """
    p = (np.arange(999) + 0.5) / 999
    mean = {
        state: in_series(
            programming.quantile(Programming.from_technology(technology, state), p),
            technology["access.series_resistance"],
        ).mean()
        for state in programming.STATES
    }
    return float(mean["LRS"] - mean["HRS"])


def read_weights(
    population: xr.Dataset, network: Network, technology: Technology
) -> NDArray[np.float32]:
    """Return the weights that a population of chips really has.

    Parameters
    ----------
    population : Dataset
        ``conductance`` (..., cell) of cells ordered as by `map_weights`.
    network : Network
    technology : Technology
        The nominal technology that the injectors are set to.

    Returns
    -------
    ndarray of float32, shape (..., inputs, outputs)
        In units of one level.
    """
    g = population["conductance"].transpose(..., "cell").values
    shape = (*g.shape[:-1], network.inputs, network.outputs, 2, network.weight_max)
    sides = in_series(g, technology["access.series_resistance"]).reshape(shape).sum(axis=-1)
    weights = (sides[..., 0] - sides[..., 1]) / unit_conductance(technology)
    return weights.astype(np.float32)

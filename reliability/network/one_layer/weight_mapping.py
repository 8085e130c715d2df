"""Signed integer weights on differential groups of 1T1R cells.

``two_level``: a weight w between -n and +n is n cells on a positive and n on a negative side, in
parallel: |w| cells of the side of its sign are in the LRS, all others in the HRS. On a card with
levels the highest and the lowest level take the place of LRS and HRS.

``multi_level``: one cell on each side. The cell of the sign of w is at |w|/n of the way from the
lowest to the highest level, the other at the lowest. Needs a card with levels.

With the select transistor in series each cell carries G_eff = 1 / (1/G + R_series) (cards with
levels give the conductance with its transistor), and the synapse reads

    w_read = (sum of G_eff on the positive side - sum on the negative side) / G_unit

where G_unit is what one unit of weight is on the nominal technology, to which the current
injectors are set: mean G_eff(LRS) - mean G_eff(HRS), or one step between levels. The background of
the low side cancels in the mean, its variability does not.
"""

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.devices.target import Target
from reliability.devices.verify import Verify
from reliability.errors import InputError, unknown_name, whole_number
from reliability.network.conductances import in_series, state_difference
from reliability.network.one_layer.model import Network, expect_network
from reliability.population import sample_dies
from reliability.population.measured import technology_of
from reliability.technology import Technology

Mapping = Literal["two_level", "multi_level"]
MAPPINGS = ("two_level", "multi_level")


def cells_per_side(network: Network, mapping: Mapping) -> int:
    """Return how many cells hold one side of a weight.

    >>> cells_per_side(Network("tiny", np.array([[2]]), weight_max=2), "two_level")
    2
    """
    if mapping not in MAPPINGS:
        raise unknown_name("mapping", str(mapping), MAPPINGS)
    return network.weight_max if mapping == "two_level" else 1


def map_weights(network: Network) -> NDArray[np.str_]:
    """Return the state of every cell of a chip, ``two_level``.

    Parameters
    ----------
    network : Network

    Returns
    -------
    ndarray of str, shape (inputs * outputs * 2 * n,)
        ``"LRS"`` or ``"HRS"``, ordered by input, output, side (positive first) and cell.

    Raises
    ------
    InputError
        Not a network of one layer.

    Examples
    --------
    >>> net = Network("tiny", np.array([[2], [-1]]), weight_max=2)
    >>> map_weights(net).reshape(2, 1, 2, 2)[1, 0].tolist()
    [['HRS', 'HRS'], ['LRS', 'HRS']]
    """
    expect_network(network)
    return np.where(_fraction_of_range(network, "two_level") > 0, "LRS", "HRS")


def map_levels(
    network: Network, mapping: Mapping, lowest: float, highest: float
) -> NDArray[np.float64]:
    """Return the target conductance, S, of every cell of a chip.

    Parameters
    ----------
    network : Network
    mapping : {"two_level", "multi_level"}
    lowest, highest : float
        Levels that are used, S.

    Returns
    -------
    ndarray of float, shape (inputs * outputs * 2 * n,)
        In the order of `map_weights`; n is 1 where the mapping is ``multi_level``.

    Examples
    --------
    >>> net = Network("tiny", np.array([[2], [-1]]), weight_max=2)
    >>> map_levels(net, "multi_level", 0.0, 1e-4).reshape(2, 1, 2).tolist()
    [[[0.0001, 0.0]], [[0.0, 5e-05]]]
    """
    return lowest + (highest - lowest) * _fraction_of_range(network, mapping)


def _fraction_of_range(network: Network, mapping: Mapping) -> NDArray[np.float64]:
    """How far each cell is up from the lowest to the highest level, 0 to 1."""
    w = network.weights.astype(int)
    count = np.stack([np.maximum(w, 0), np.maximum(-w, 0)], axis=-1)  # units on each side
    n = cells_per_side(network, mapping)
    level = np.arange(n) < count[..., None] if n > 1 else count / network.weight_max
    return level.astype(float).ravel()


def check_mapping(technology: Technology, mapping: Mapping) -> None:
    """Refuse an unknown mapping, or a card whose cells it can't use."""
    if mapping not in MAPPINGS:
        raise unknown_name("mapping", str(mapping), MAPPINGS)
    if "target.maximum" in technology:
        return
    if not technology.has_states:
        raise InputError(f"technology: {technology.name} has neither LRS and HRS nor levels")
    if mapping == "multi_level":
        raise InputError(
            f"mapping: got 'multi_level' on {technology.name}, which has no levels; "
            "allowed: 'two_level'"
        )


def sample_chips(
    technology: Technology | xr.Dataset,
    network: Network,
    *,
    chips: int,
    mapping: Mapping = "two_level",
    copies: int = 1,
    first: int = 0,
    dies_per_wafer: int = 25,
    verify: Verify | None = None,
    seed: int = 0,
    lot: int = 0,
) -> xr.Dataset:
    """Program the network on chips ``first`` to ``first + chips`` of a lot, one chip per die.

    Parameters
    ----------
    technology : Technology or Dataset
        A Dataset of `reliability.read_measurements`: its cells are resampled. ``two_level``
        programs LRS and HRS where there are some, else the highest and the lowest level.
    network : Network
    chips, first : int
    mapping : {"two_level", "multi_level"}
    copies : int
        Cells that hold what the mapping gives to one cell; the weight is their mean.
    dies_per_wafer, seed, lot : int
    verify : Verify, optional
        Program LRS and HRS with verify instead of by one pulse.

    Returns
    -------
    Dataset
        As `reliability.sample_population`, with dimensions (chip, cell), in float32; the attributes
        ``mapping`` and ``copies`` say how its cells hold the weights; copies lie side by side.

    Raises
    ------
    InputError
        ``multi_level`` on a card without levels.

    Examples
    --------
    >>> import reliability as rel
    >>> spirit = rel.load_network("spirit")
    >>> chips = sample_chips(rel.load_technology("oxram-130nm"), spirit, chips=2, seed=1)
    >>> dict(chips["conductance"].sizes)
    {'chip': 2, 'cell': 11520}
    >>> levels = sample_chips(
    ...     rel.load_technology("techB"), spirit, mapping="multi_level", chips=2, seed=1)
    >>> dict(levels["conductance"].sizes)
    {'chip': 2, 'cell': 2880}
    """
    technology = technology_of(technology)
    expect_network(network)
    whole_number(chips, "chips", 1)
    whole_number(copies, "copies", 1, 1000)
    check_mapping(technology, mapping)
    state: NDArray[np.str_] | NDArray[np.float64]
    if mapping == "two_level" and technology.has_states:
        state = map_weights(network)
    else:
        model = Target.from_technology(technology)
        state = map_levels(network, mapping, model.minimum, model.maximum)
    made = sample_dies(
        technology,
        state=np.repeat(state, copies),
        count=chips,
        first=first,
        dies_per_wafer=dies_per_wafer,
        verify=verify,
        seed=seed,
        lot=lot,
    )
    return made.assign_attrs(mapping=mapping) if copies == 1 else made.assign_attrs(
        mapping=mapping, copies=copies
    )  # fmt: skip


def unit_conductance(
    technology: Technology, network: Network, mapping: Mapping = "two_level"
) -> float:
    """Return G_unit, the conductance (S) that one unit of weight stands for."""
    if mapping == "multi_level" or not technology.has_states:
        model = Target.from_technology(technology)
        n = network.weight_max // cells_per_side(network, mapping)
        return (model.maximum - model.minimum) / n
    return state_difference(technology)


def read_weights(
    population: xr.Dataset, network: Network, technology: Technology
) -> NDArray[np.float32]:
    """Return the weights that a population of chips really has.

    Parameters
    ----------
    population : Dataset
        ``conductance`` (..., cell) of cells ordered as by `map_weights`; its attribute ``mapping``
        says how they hold the weights (``two_level`` where it is missing).
    network : Network
    technology : Technology
        The nominal technology that the injectors are set to.

    Returns
    -------
    ndarray of float32, shape (..., inputs, outputs)
        In units of one level.

    Raises
    ------
    InputError
        Another number of cells than the network needs.
    """
    mapping = population.attrs.get("mapping", "two_level")
    copies = int(population.attrs.get("copies", 1))
    n = cells_per_side(network, mapping) * copies
    expected = network.weights.size * 2 * n
    if population.sizes.get("cell") != expected:
        raise InputError(
            f"cells: got {population.sizes.get('cell')} cells per chip, "
            f"network {network.name} needs {expected} ({mapping})"
        )
    g = population["conductance"].transpose(..., "cell").values
    shape = (*g.shape[:-1], network.inputs, network.outputs, 2, n)
    series = technology["access.series_resistance"] if "state" in population.coords else 0.0
    sides = in_series(g, series).reshape(shape).sum(axis=-1)
    unit = unit_conductance(technology, network, mapping) * copies
    return ((sides[..., 0] - sides[..., 1]) / unit).astype(np.float32)

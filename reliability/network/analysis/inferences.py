"""Reads that inferences make, cell by cell, and what these do back to the network.

An input event reads all cells of its row, so rows of bright pixels are read most, and the reads of
an image end with its decision. With R(n) the reads that a cell has had after n inferences, and r
the reads that one more inference gives it on the chip as it then is,

    dR/dn = r(state after R),     R(0) = 0.

Cells that are disturbed change the decisions and with them how long an image is read, so r depends
on R. It changes slowly, in log n: the equation is stepped over fixed numbers of inferences, 1000
and two in each decade from there on, by the trapezoidal rule with a predictor (r at the end of a
step is taken on the chip with the reads that r at its begin predicts). Between those numbers R is
linear. So R(n) depends on the chip and its conditions only, not on which numbers of inferences are
asked for, and it never falls.

What is left out: reads between inferences (verify, refresh, tests), and that inferences go on while
the chip is stored: all of them follow the time of storage, with the reads of a chip at that time.
The images are those that the chip is evaluated on; a mission that sees other images reads other
rows.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.mission import MissionProfile, Segment
from reliability.network.evaluation import evaluate
from reliability.network.one_layer.model import Network
from reliability.network.one_layer.weight_mapping import Mapping, sample_chips
from reliability.population import age
from reliability.population.measured import is_measured
from reliability.progress import tracked
from reliability.technology import Technology
from reliability.units import quantity

# Decade at which the first step ends; no card is disturbed by then at its valid voltages.
_FIRST = 3
_STEPS = 2  # in each decade; four change the reads of a chip by 4 % at most, where half is lost
_MOST = 1e18  # inferences
Reads = NDArray[np.float64]


def reads_of_inferences(
    reads_per_inference: Callable[[Reads], Reads],
    inferences: Sequence[float],
    shape: tuple[int, ...] = (),
) -> list[Reads]:
    """Return the reads after each number of inferences.

    Parameters
    ----------
    reads_per_inference : callable
        Reads so far to the reads of one more inference, both of one shape.
    inferences : sequence of float
        0 or more, rising.
    shape : tuple of int
        Of the reads.

    Returns
    -------
    list of ndarray
        One for each number.

    Raises
    ------
    InputError
        Numbers that do not rise, negative ones, or more than 1e18.

    Examples
    --------
    Reads that fall off as 1/(1 + R/a): R = a (sqrt(1 + 2 n/a) - 1).

    >>> few, many = reads_of_inferences(lambda reads: 1 / (1 + 1e-6 * reads), [1e3, 1e8])
    >>> bool(abs(many / (1e6 * (np.sqrt(1 + 2e-6 * 1e8) - 1)) - 1) < 0.1)
    True
    """
    numbers = [quantity(n, "", "inferences", low=0.0, high=_MOST) for n in inferences]
    if not numbers or numbers != sorted(set(numbers)):
        raise InputError(f"inferences: got {list(inferences)}, expected rising numbers")
    reads = np.zeros(shape)
    rate = reads_per_inference(reads)
    out: list[Reads] = []
    begin, k = 0.0, 0
    while len(out) < len(numbers):
        end = 10.0 ** (_FIRST + k / _STEPS)
        length = end - begin
        after = reads_per_inference(reads + rate * length) if numbers[-1] > 0 else rate
        mean = (rate + after) / 2
        while len(out) < len(numbers) and numbers[len(out)] <= end:
            out.append(reads + mean * (numbers[len(out)] - begin))
        reads, rate = reads + mean * length, after
        begin, k = end, k + 1
    return out


def steps(inferences: float) -> int:
    """Return how often a chip is evaluated to count its reads up to a number of inferences.

    >>> steps(0), steps(1e10)
    (1, 16)
    """
    if inferences == 0:
        return 1
    return 2 + math.ceil(max(_STEPS * (math.log10(inferences) - _FIRST), 0.0))


def per_inference(result: xr.Dataset) -> xr.DataArray:
    """Return the mean reads of each cell in one inference, from a result of `evaluate`.

    Examples
    --------
    >>> import reliability as rel
    >>> ideal = rel.evaluate(rel.load_network("spirit"), images=100, seed=1)
    >>> reads = per_inference(ideal)
    >>> bool(np.isclose(reads.sum(), ideal["spikes"].item() * 80))  # 80 cells in a row
    True
    """
    return (result["reads"] / result.attrs["images"]).assign_attrs(units="1")


def age_by_inferences(
    programmed: xr.Dataset,
    inferences: Sequence[float],
    mission: Callable[[float], MissionProfile],
    assess: Callable[[xr.Dataset], xr.Dataset],
) -> Iterator[xr.Dataset]:
    """Yield a population after each number of inferences, read cell by cell.

    Parameters
    ----------
    programmed : Dataset
        Chips that have not been read yet.
    inferences : sequence of float
        0 or more, rising.
    mission : callable
        Number of inferences to the whole mission so far; its reads are those inferences.
    assess : callable
        Population as it is to its result of `evaluate`, whose reads count.

    Yields
    ------
    Dataset
        One for each number, as `reliability.age` returns it, with the variable ``reads``: the mean
        reads of each cell in one of those inferences.

    Raises
    ------
    InputError
        Numbers of inferences that do not rise.
    """
    rows = programmed["conductance"].transpose(..., "cell")

    def after(n: float, reads: Reads) -> xr.Dataset:
        each = reads / n if n else reads
        return age(programmed.assign(reads=(rows.dims, each, {"units": "1"})), mission(n))

    def rate(reads: Reads) -> Reads:
        here = assess(after(1.0, reads))  # what counts is the product with the number
        return np.asarray(per_inference(here).transpose(*rows.dims).values, float)

    total = reads_of_inferences(rate, inferences, rows.shape)
    for n, reads in zip(inferences, total, strict=True):
        yield after(n, reads)


def evaluate_inferences(
    network: Network,
    cells: Technology | xr.Dataset,
    inferences: Sequence[float],
    *,
    read_voltages: Sequence[float | str] = (0.1,),
    temperature: float | str = 298.15,
    alternating: bool = False,
    profile: MissionProfile | None = None,
    chips: int = 20,
    mapping: Mapping = "two_level",
    seed: int = 0,
    **settings: Any,
) -> xr.Dataset:
    """Evaluate a network after numbers of inferences, whose reads disturb its cells.

    Parameters
    ----------
    network : Network
    cells : Technology or Dataset
        A technology: ``chips`` chips are sampled from it. Or a population that has not been read.
    inferences : sequence of float
        0 or more, rising: ``[0, 1e6, 1e8, 1e10]``.
    read_voltages : sequence of float or str
        Across the cells, V, rising; positive towards SET.
    temperature : float or str
        Of the chip while it infers, K.
    alternating : bool
        Whether the polarity alternates from read to read.
    profile : MissionProfile, optional
        What the chips have been through before the first inference; it has no reads.
    chips, mapping, seed
        As for `reliability.evaluate`.
    **settings
        Others of `reliability.evaluate` but for ``profile``: ``images``, ``coding``, ``neuron`` …

    Returns
    -------
    Dataset
        What `reliability.evaluate` returns, over ``read_voltage`` and ``inferences``, and
        ``reads_so_far``, the reads of each cell since programming (``reads`` are those of the
        images that were evaluated, on the chips as they then are).

    Raises
    ------
    InputError
        Chips or a profile with reads, numbers or voltages that do not rise, a network of many
        layers, whose cells are all read equally often.

    Notes
    -----
    See `reliability.network.analysis.inferences` for the equation, how it is solved and what it
    leaves out.

    Examples
    --------
    >>> import reliability as rel
    >>> found = evaluate_inferences(
    ...     rel.load_network("spirit"), rel.load_technology("oxram-130nm"), [0, 1e9],
    ...     read_voltages=["0.3 V"], chips=2, images=100)
    >>> worn = found["accuracy"].mean("chip").isel(read_voltage=0)
    >>> bool(worn.sel(inferences=1e9) < worn.sel(inferences=0))
    True
    """
    if not isinstance(network, Network):
        raise InputError("network: reads of inferences are counted in networks of one layer only")
    volts = [quantity(v, "V", "read_voltages", low=-10.0, high=10.0) for v in read_voltages]
    if not volts or volts != sorted(set(volts)):
        raise InputError(f"read_voltages: got {list(read_voltages)}, expected rising values")
    if not isinstance(cells, xr.Dataset) or is_measured(cells):
        cells = sample_chips(cells, network, chips=chips, mapping=mapping, seed=seed)
    if profile is not None:
        cells = age(cells, profile)
    if any(segment["reads"] > 0 for segment in _mission(cells)):
        raise InputError("cells: got chips that have been read, expected none or reads of 0")

    def assess(population: xr.Dataset) -> xr.Dataset:
        return evaluate(network, population, seed=seed, **settings)

    out = []
    for volt in volts:
        found = age_by_inferences(
            cells,
            inferences,
            lambda n, volt=volt: MissionProfile(  # type: ignore[misc]
                [Segment(0.0, temperature, n, volt, alternating)]
            ),
            assess,
        )
        each = tracked(zip(inferences, found, strict=True), f"reads at {volt:g} V", len(inferences))
        parts = [assess(aged).assign(reads_so_far=aged["reads"] * n) for n, aged in each]
        out.append(_along("inferences", [float(n) for n in inferences], "1", parts))
    whole = _along("read_voltage", volts, "V", out)
    whole["reads_so_far"].attrs["units"] = "1"
    del whole.attrs["mission"]  # it is on the axes
    return whole


def _mission(population: xr.Dataset) -> list[dict[str, Any]]:
    return list(json.loads(population.attrs["mission"]))


def _along(name: str, values: Sequence[float], unit: str, parts: list[xr.Dataset]) -> xr.Dataset:
    axis = xr.DataArray(list(values), dims=name, name=name, attrs={"units": unit})
    notes = sorted({note for part in parts for note in part.attrs["warnings"]})
    whole = xr.concat(
        parts,
        axis,
        data_vars="all",
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="override",
    )
    return whole.assign_attrs(warnings=notes)

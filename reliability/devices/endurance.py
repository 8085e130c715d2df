"""Endurance: what writing does to a cell, gradually and then for good.

Cycles at any temperature and programming energy count as equivalent cycles at the reference
condition, and those add up:

    x = sum of n (E/E_ref)^p exp[(Ea/k) (1/T_ref - 1/T)]

Two things come of them.

- Window closure: the median ln R of LRS rises, that of HRS falls, and the spread over cycles grows,

      ln R_LRS + c_LRS log10(1 + x/x_on),   ln R_HRS - c_HRS log10(1 + x/x_on),
      sigma (1 + x/x_on)^w

- Hard failure: the cell sticks in LRS or HRS after x_f equivalent cycles,
  ``weibull``: x_f = scale exp(d) (-ln(1 - q))^(1/shape), or ``lognormal``:
  x_f = scale exp(d + z(q)/shape), with the cell's quantile q and the deviation d that it shares
  with its lot, wafer and die.

A fixed fraction of cells sticks in LRS. Programming energy controls both [1]_, low-voltage
programming gains orders of magnitude in cycles [2]_, and the degradation of both states with cycles
follows analytic models in HfOx [3]_. Valid as long as the pulses stay the same; a failed cell that
a stronger pulse would bring back counts as failed.

.. [1] D. Alfaro Robayo, thesis (CEA-Leti), abstract.
.. [2] T. Hirtzlin et al., "Digital biologically plausible implementation of binarized neural
   networks with differential hafnium oxide resistive memory arrays", Front. Neurosci. 13, 1383
   (2020), doi:10.3389/fnins.2019.01383, abstract.
.. [3] P. Huang et al., "Analytic model of endurance degradation and its practical applications for
   operation scheme optimization in metal oxide based RRAM", abstract.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtri

from reliability.errors import InputError
from reliability.lifetime.acceleration import arrhenius
from reliability.statistics.proportions import binomial_bound
from reliability.technology import STATES, Technology


@dataclass(frozen=True)
class Endurance:
    """Wear of a cell by its writes, pairs in the order (LRS, HRS).

    Parameters
    ----------
    model : {"weibull", "lognormal"}
        Of the cycles to hard failure over the cells of a die.
    scale : float
        Characteristic (63 %, or median) cycles to hard failure at the reference condition.
    shape : float
        Weibull shape, or the inverse of the standard deviation of ln cycles.
    sigma_lot, sigma_wafer, sigma_die : float
        Standard deviation of ln scale.
    stuck_lrs : float
        Fraction of hard failures that leave the cell in LRS.
    activation_energy : float
        eV.
    reference_temperature : float
        K.
    reference_energy : float
        Programming energy of a SET and RESET pair, J.
    energy_exponent : float
        p.
    onset : float
        x_on, equivalent cycles after which the window starts to close.
    window_closure : (float, float)
        Change of ln R per decade beyond the onset, towards the other state.
    spread_growth : (float, float)
        w, growth exponent of the spread over cycles.
    """

    model: str
    scale: float
    shape: float
    sigma_lot: float
    sigma_wafer: float
    sigma_die: float
    stuck_lrs: float
    activation_energy: float
    reference_temperature: float
    reference_energy: float
    energy_exponent: float
    onset: float
    window_closure: tuple[float, float]
    spread_growth: tuple[float, float]

    @classmethod
    def from_technology(cls, technology: Technology) -> "Endurance":
        """Read the section ``endurance`` of a card.

        A card that says nothing of window closure (levels that verify sets anew) has none. A test
        in which no cell failed (``bound_cycles``, ``bound_cells``, ``bound_confidence``) bounds the
        scale from below (`scale_from_bound`).
        """

        def pair(name: str) -> tuple[float, float]:
            given = [technology.parameters.get(f"endurance.{state}.{name}") for state in STATES]
            lrs, hrs = (parameter.value if parameter else 0.0 for parameter in given)
            return lrs, hrs

        pairs = {name: pair(name) for name in ("window_closure", "spread_growth")}
        single = {f.name for f in fields(cls)} - set(pairs) - {"model"}
        values = {name: technology[f"endurance.{name}"] for name in single}
        found = cls(model=technology.models["endurance"], **values, **pairs)  # type: ignore[arg-type]
        if "endurance.bound_cycles" not in technology:
            return found
        names = ("bound_cycles", "bound_cells", "bound_confidence")
        cycles, cells, confidence = (technology[f"endurance.{name}"] for name in names)
        return replace(
            found, scale=max(found.scale, scale_from_bound(found, cycles, int(cells), confidence))
        )


def scale_from_bound(
    parameters: Endurance, cycles: float, cells: int, confidence: float = 0.95
) -> float:
    """Return the shortest scale that a test without a hard failure leaves possible.

    With no failure among ``cells`` cells after ``cycles`` equivalent cycles, the probability of
    failure is below ``binomial_bound(0, cells, confidence)``; the scale follows from the model's
    shape. Differences between dies and wafers are neglected.

    Examples
    --------
    16 384 cells without a failure after 1e5 cycles, Weibull shape 1.5:

    >>> f"{scale_from_bound(_example(), 1e5, 16_384):.2e}"
    '3.10e+07'
    """
    probability = binomial_bound(0, cells, confidence)
    return cycles * parameters.scale / float(hard_failure(parameters, probability))


def acceleration(
    parameters: Endurance, temperature: ArrayLike, energy: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the equivalent cycles at the reference condition of one cycle.

    Parameters
    ----------
    parameters : Endurance
    temperature : array_like
        K.
    energy : array_like, optional
        Programming energy of a SET and RESET pair, J; the reference energy by default.

    Examples
    --------
    >>> model = _example()
    >>> acceleration(model, [298.15, 358.15]).round(2)
    array([1.  , 3.68])
    >>> float(acceleration(model, 298.15, 5e-11))  # half the energy
    0.25
    """
    heat = arrhenius(parameters.reference_temperature, temperature, parameters.activation_energy)
    if energy is None:
        return heat
    e = np.asarray(energy, float)
    if np.any(e <= 0):
        raise InputError(f"energy: got {e.min():g} J, allowed more than 0")
    return heat * (e / parameters.reference_energy) ** parameters.energy_exponent


def shift(parameters: Endurance, state: int, x: ArrayLike) -> NDArray[np.float64]:
    """Return the change of ln R of a state (0 LRS, 1 HRS) after x equivalent cycles.

    Examples
    --------
    >>> shift(_example(), 0, [0.0, 9e4]), shift(_example(), 1, [9e4])
    (array([0. , 0.1]), array([-0.3]))
    """
    sign = 1.0 if state == 0 else -1.0
    decades = np.log10(1.0 + np.asarray(x, float) / parameters.onset)
    return sign * parameters.window_closure[state] * decades


def spread(parameters: Endurance, state: int, x: ArrayLike) -> NDArray[np.float64]:
    """Return by how much the spread over cycles has grown after x equivalent cycles."""
    return (1.0 + np.asarray(x, float) / parameters.onset) ** parameters.spread_growth[state]


def hard_failure(
    parameters: Endurance, quantile: ArrayLike, deviation: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """Return the equivalent cycles to hard failure of cells.

    Parameters
    ----------
    parameters : Endurance
    quantile : array_like
        Uniform number of each cell, 0 to 1.
    deviation : array_like
        ln scale of the cell's die minus that of the technology.

    Examples
    --------
    >>> hard_failure(_example(), [1 - np.exp(-1)])
    array([10000000.])
    """
    q = np.asarray(quantile, float)
    with np.errstate(divide="ignore"):
        log_time = np.log(-np.log1p(-q)) if parameters.model == "weibull" else ndtri(q)
    return parameters.scale * np.exp(np.asarray(deviation, float) + log_time / parameters.shape)


def probability_failed(
    parameters: Endurance, x: ArrayLike, cells: float = 1.0, deviation: float = 0.0
) -> NDArray[np.float64]:
    """Return the probability that at least one of ``cells`` cells of a die has failed for good.

    Weakest link: ``F_cells = 1 - (1 - F)^cells``.

    Examples
    --------
    Of a Weibull distribution, an array of n cells has the scale of one cell over n^(1/shape):

    >>> model = _example()
    >>> probability_failed(model, [model.scale / 1e6 ** (1 / model.shape)], cells=1e6).round(4)
    array([0.6321])
    """
    relative = np.asarray(x, float) / (parameters.scale * np.exp(deviation))
    with np.errstate(divide="ignore"):
        if parameters.model == "weibull":
            log_survival = -(relative**parameters.shape)
        else:
            log_survival = log_ndtr(-parameters.shape * np.log(relative))
    return -np.expm1(cells * log_survival)


def array_quantile(
    parameters: Endurance, probability: ArrayLike, cells: float, deviation: float = 0.0
) -> NDArray[np.float64]:
    """Return the equivalent cycles by which the first of ``cells`` cells has failed for good.

    Parameters
    ----------
    parameters : Endurance
    probability : array_like
        Of an array of ``cells`` cells on one die, 0 to 1.
    cells, deviation : float

    Examples
    --------
    >>> model = _example()
    >>> x = array_quantile(model, 0.1, cells=1e6)
    >>> round(float(probability_failed(model, x, cells=1e6)), 6)
    0.1
    """
    one = -np.expm1(np.log1p(-np.asarray(probability, float)) / cells)
    return hard_failure(parameters, one, deviation)


def _example() -> Endurance:
    """Parameters for the examples."""
    return Endurance(
        "weibull", 1e7, 1.5, 0.1, 0.2, 0.2, 0.5, 0.2, 298.15, 1e-10, 2.0, 1e4,
        (0.1, 0.3), (0.1, 0.1),
    )  # fmt: skip

"""Read disturb: what reading does to a state, over any number of reads.

Each cell has a lifetime N in reads, the reads of one direction after which 1 - 1/e of the way to
the end conductance is gone:

    G(x) = G_end + (G_0 - G_end) exp(-x^shape),    x = equivalent reads / N
    equivalent reads = sum of n f(V, T) (w/w_ref)^p exp[(Ea/k) (1/T_ref - 1/T)]
    f(V, T) = sinh(b |V|) / sinh(b_ref V_ref),    b = ln(10) slope T_ref / T

f is the hopping of ions in a field: forward less backward jumps over a barrier that the voltage
tilts by an energy proportional to V, measured in kT [3]_. Well above kT/q it is 10^(slope V), and
it vanishes at no voltage. With the temperature the slope falls as 1/T: 8.7 decades/V at 25 degC are
6.5 at 125 degC.

A thin filament is disturbed earlier where the card says so, by its programmed resistance: N is then
(R_0 / R_ref)^-n times as long. Over cells

- ``lognormal``: N = N_50 exp(sigma z);
- ``clustering``: N = eta [alpha ((1 - F)^(-1/alpha) - 1)]^(1/beta), the Weibull distribution mixed
over
  a gamma-distributed defect density, which fits the high percentiles of read-disturb times where a
  Weibull does not [1]_; N_50 stays the median.

Reads of positive voltage push towards SET and disturb the HRS, reads of negative voltage push
towards RESET and disturb the LRS; a read in a state's harmless direction leaves it. Reading with
alternating polarity disturbs either state by the fraction of a read that one direction leaves
behind: without the remedy cells fail from 8 000 reads on, with it none does at 1e6 [2]_, a fraction
of at most 1/125.

Stress adds as equivalent reads: n1 reads and then n2 are n1 + n2. Valid for reads well below the
switching voltage, up to 0.3 V; slopes are those of two published compact models, see the card.

A test without a failure is no rate: `reads_from_bound` turns it into the shortest median life that
it leaves possible at a confidence.

.. [1] doi:10.1016/j.mee.2017.05.007, abstract.
.. [2] H. Xun et al., ETS 2025, doi:10.1109/ETS63895.2025.11049639, abstract.
.. [3] N. F. Mott, R. W. Gurney, "Electronic Processes in Ionic Crystals", Oxford (1940); in this
form
   in the SkyWater sky130 ReRAM model, reram_cell.va.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr, ndtri

from reliability.errors import InputError, fraction
from reliability.lifetime.acceleration import arrhenius
from reliability.statistics.proportions import binomial_bound
from reliability.technology import Technology


@dataclass(frozen=True)
class ReadDisturb:
    """Disturb of one state by reads in its harmful direction.

    Parameters
    ----------
    model : {"lognormal", "clustering"}
    reads : float
        N_50, median life in reads at the reference condition.
    sigma : float
        Of ln N (``lognormal``).
    lifetime_shape, clustering : float
        beta and alpha (``clustering``).
    direction : int
        Sign of the read voltage that disturbs: 1 (HRS) or -1 (LRS).
    reference_voltage, voltage_slope : float
        V, and decades per V at the reference temperature, well above kT/q.
    reference_temperature, activation_energy : float
        K, eV.
    reference_width, width_exponent : float
        Read pulse, s; 1 is a dose proportional to time.
    alternating_fraction : float
        Fraction of a read's stress that is left when polarity alternates.
    shape : float
        Exponent of the stretched exponential.
    asymptotic_resistance : float or ndarray
        1 / G_end, ohm; one number, or one for each cell.
    resistance_exponent, reference_resistance : float
        n, and R_ref (ohm): the life of a cell programmed to R_0 is (R_0 / R_ref)^-n times as long.
    """

    model: str
    reads: float
    sigma: float
    lifetime_shape: float
    clustering: float
    direction: int
    reference_voltage: float
    voltage_slope: float
    reference_temperature: float
    activation_energy: float
    reference_width: float
    width_exponent: float
    alternating_fraction: float
    shape: float
    asymptotic_resistance: float | NDArray[np.floating]
    resistance_exponent: float = 0.0
    reference_resistance: float = 1.0

    @classmethod
    def from_technology(cls, technology: Technology, state: str) -> "ReadDisturb":
        """Read ``read_disturb`` and ``read_disturb.<state>`` of a card.

        The median life is ``reads`` where the card has it, else the one that the zero-failure
        statement ``bound_reads``, ``bound_cells``, ``bound_confidence`` leaves possible.
        """
        section = f"read_disturb.{state}"
        model = technology.models[section]
        own = ("voltage_slope", "activation_energy", "shape", "asymptotic_resistance")
        shared = (
            "reference_voltage",
            "reference_temperature",
            "reference_width",
            "width_exponent",
            "alternating_fraction",
        )
        lognormal = model == "lognormal"
        optional = ("resistance_exponent", "reference_resistance")
        parameters = cls(
            model=model,
            reads=1.0,
            sigma=technology[f"{section}.sigma"] if lognormal else 0.0,
            lifetime_shape=1.0 if lognormal else technology[f"{section}.lifetime_shape"],
            clustering=1.0 if lognormal else technology[f"{section}.clustering"],
            direction=-1 if state == "LRS" else 1,
            **{name: technology[f"read_disturb.{name}"] for name in shared},
            **{name: technology[f"{section}.{name}"] for name in own},
            **{n: technology[f"{section}.{n}"] for n in optional if f"{section}.{n}" in technology},
        )
        if f"{section}.reads" in technology:
            reads = technology[f"{section}.reads"]
        else:
            reads = reads_from_bound(
                parameters,
                technology["read_disturb.bound_reads"],
                int(technology["read_disturb.bound_cells"]),
                technology["read_disturb.bound_confidence"],
            )
        return cls(**{**vars(parameters), "reads": reads})


def lifetime(parameters: ReadDisturb, z: ArrayLike) -> NDArray[np.floating]:
    """Return ln(N / N_50) of cells with standard normal deviates ``z``.

    Examples
    --------
    >>> lifetime(_example(), [-1.0, 0.0])
    array([-2.,  0.])
    """
    deviate = np.asarray(z)
    if parameters.model == "lognormal":
        return deviate.dtype.type(parameters.sigma) * deviate
    alpha, beta = parameters.clustering, parameters.lifetime_shape

    def log_dose(log_survival: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.log(alpha * np.expm1(-log_survival / alpha))

    median = log_dose(np.log(np.array(0.5)))
    out = (log_dose(log_ndtr(-deviate.astype(float))) - median) / beta
    return out.astype(deviate.dtype) if deviate.dtype.kind == "f" else out


def failed_by(parameters: ReadDisturb, reads: ArrayLike) -> NDArray[np.float64]:
    """Return the probability that a cell's life N is over after equivalent reads.

    Examples
    --------
    >>> failed_by(_example(), [0.0, 1e6])
    array([0. , 0.5])
    """
    with np.errstate(divide="ignore"):
        log_ratio = np.log(np.asarray(reads, float) / parameters.reads)
    if parameters.model == "lognormal":
        if parameters.sigma == 0:  # all cells live alike
            return (log_ratio >= 0).astype(float)
        return np.asarray(ndtr(log_ratio / parameters.sigma))
    alpha = parameters.clustering
    dose = np.expm1(np.log(2) / alpha) * np.exp(parameters.lifetime_shape * log_ratio)
    return -np.expm1(-alpha * np.log1p(dose))


def reads_from_bound(
    parameters: ReadDisturb, reads: float, cells: int, confidence: float = 0.95
) -> float:
    """Return the median life of which a test without failures leaves no shorter one possible.

    With no failure among ``cells`` cells after ``reads`` equivalent reads, the probability of
    failure is below ``binomial_bound(0, cells, confidence)``; the median follows from the model's
    spread. A confidence drawn uniformly gives the confidence distribution of the median.

    Examples
    --------
    5.6 million reads of 11 520 cells, and a life that varies by sigma = 2 of ln N:

    >>> f"{reads_from_bound(_example(), 5.6e6, 11_520):.1e}"
    '5.8e+09'
    """
    fraction(confidence, "confidence")
    probability = binomial_bound(0, cells, confidence)
    z = float(ndtri(probability))
    return float(reads * np.exp(-lifetime(parameters, np.array(z))))


def acceleration(
    parameters: ReadDisturb,
    voltage: ArrayLike,
    temperature: ArrayLike,
    width: ArrayLike | None = None,
    alternating: ArrayLike = False,
) -> NDArray[np.float64]:
    """Return the equivalent reads at the reference condition of one read.

    Parameters
    ----------
    parameters : ReadDisturb
    voltage : array_like
        Across the cell, V, with its sign; of alternating reads, the size.
    temperature : array_like
        K.
    width : array_like, optional
        s; the reference width by default.
    alternating : array_like of bool
        Whether polarity alternates from read to read.

    Examples
    --------
    >>> acceleration(_example(), [0.1, 0.2, -0.2], 298.15).round(1)
    array([ 1. , 10.1,  0. ])
    >>> float(acceleration(_example(), 0.1, 298.15, alternating=True))
    0.008
    """
    v, t = np.asarray(voltage, float), np.asarray(temperature, float)
    out = field_factor(parameters, v, t)
    out = out * arrhenius(parameters.reference_temperature, t, parameters.activation_energy)
    if width is not None:
        relative = np.asarray(width, float) / parameters.reference_width
        out = out * relative**parameters.width_exponent
    one_way = np.where(v * parameters.direction > 0, 1.0, 0.0)
    return out * np.where(alternating, parameters.alternating_fraction, one_way)


def field_factor(
    parameters: ReadDisturb, voltage: ArrayLike, temperature: ArrayLike
) -> NDArray[np.float64]:
    """Return sinh(b |V|) / sinh(b_ref V_ref): the rate of jumps in the field, relative.

    Parameters
    ----------
    parameters : ReadDisturb
    voltage, temperature : array_like
        V and K.

    Examples
    --------
    >>> field_factor(_example(), [0.0, 1e-9, 0.1, 0.3], 298.15).round(9).tolist()
    [0.0, 5e-09, 1.0, 101.01]
    """
    b = np.log(10.0) * parameters.voltage_slope
    cooler = parameters.reference_temperature / np.asarray(temperature, float)
    return hopping(b * cooler * np.abs(np.asarray(voltage, float))) / hopping(
        b * parameters.reference_voltage
    )


def hopping(tilt: ArrayLike) -> NDArray[np.float64]:
    """Return sinh of the tilt of a barrier in kT; of none, the tilt itself (a rate linear in V).

    >>> hopping([0.0, 1.0]).round(3).tolist()
    [0.0, 1.175]
    """
    return np.sinh(np.minimum(np.asarray(tilt, float), 700.0))  # finite, however high


def equivalent_reads(
    parameters: ReadDisturb,
    reads: ArrayLike,
    voltage: ArrayLike,
    temperature: ArrayLike,
    width: ArrayLike | None = None,
    alternating: ArrayLike = False,
) -> NDArray[np.float64]:
    """Return the equivalent reads of stretches of reads, added up over the first axis.

    Parameters
    ----------
    parameters : ReadDisturb
    reads : array_like, shape (stretches, ...)
        Reads that each cell receives.
    voltage, temperature, width, alternating : array_like, shape (stretches,)
        See `acceleration`.

    Examples
    --------
    >>> equivalent_reads(_example(), [[1e6, 2e6], [1e5, 0.0]], [0.1, 0.2], [298.15, 298.15])
    array([2010000., 2000000.])
    """
    n = np.asarray(reads, float)
    if np.any(n < 0):
        raise InputError(f"reads: got {n.min():g}, allowed 0 or more")
    each = acceleration(parameters, voltage, temperature, width, alternating)
    return np.tensordot(np.broadcast_to(each, n.shape[:1]), n, axes=1)


def conductance(
    parameters: ReadDisturb,
    initial: NDArray[np.floating],
    reads: ArrayLike,
    z: NDArray[np.floating],
) -> NDArray[np.floating]:
    """Return the conductance, S, after equivalent reads.

    Parameters
    ----------
    parameters : ReadDisturb
    initial : ndarray, shape (...)
        Conductance before, S.
    reads : array_like
        Equivalent reads, one number or one for each cell; see `equivalent_reads`.
    z : ndarray, shape (...)
        Standard normal deviate of each cell.

    Examples
    --------
    >>> conductance(_example(), np.array([1e-5]), 1e6, np.zeros(1)).round(8)
    array([6.689e-05])
    """
    kind = initial.dtype.type
    with np.errstate(divide="ignore"):
        log_reads = np.log(np.asarray(reads, float) / parameters.reads).astype(initial.dtype)
    x = log_reads - lifetime(parameters, z)
    if parameters.resistance_exponent:
        thick = np.maximum(initial * kind(parameters.reference_resistance), kind(1e-12))
        x -= kind(parameters.resistance_exponent) * np.log(thick)
    x *= kind(parameters.shape)
    np.exp(x, out=x)
    moved = np.exp(np.negative(x, out=x), out=x)
    moved -= kind(1.0)  # what is lost by it is below the last digit of the sum
    moved *= initial - np.asarray(1.0 / parameters.asymptotic_resistance, dtype=initial.dtype)
    moved += initial
    return moved


def probability_crossed(
    parameters: ReadDisturb, initial: float, reads: float, reference: float
) -> float:
    """Return the probability that a cell has crossed ``reference`` (S) after equivalent reads.

    For a cell that ends at ``asymptotic_resistance``, which is then one number.

    Examples
    --------
    >>> round(probability_crossed(_example(), 1e-5, 1e6 * np.log(2), 5.5e-5), 3)
    0.5
    """
    end = 1.0 / float(parameters.asymptotic_resistance)
    if not min(initial, end) < reference < max(initial, end):
        return 0.0
    left = (reference - end) / (initial - end)
    needed = (-np.log(left)) ** (1.0 / parameters.shape)  # x at the crossing
    thick = max(initial * parameters.reference_resistance, 1e-12)
    needed *= thick**parameters.resistance_exponent
    return float(failed_by(parameters, reads / needed))


def _example() -> ReadDisturb:
    """Parameters for the examples."""
    return ReadDisturb(
        "lognormal", 1e6, 2.0, 1.0, 1.0, 1, 0.1, 10.0, 298.15, 0.6, 5e-8, 1.0, 0.008, 1.0, 1e4
    )

"""Relaxation of two states: what a programmed conductance does in the next minutes and hours.

ln G of a cell moves away from where it was programmed in log time:

    ln G(t) = ln G(0) + (shift + sigma T(z_t)) s(t),    s(t) = ln(1 + t/t_on) / ln(1 + t_ref/t_on)
    z_t = sqrt(1 - f) z + sqrt(f) z_read,               T(z) = z exp(h z^2 / 2)

- z is drawn once per cell, z_read anew by each read (reads less than 2 % apart in log time share
  it): f (``fluctuation``) sets how early and late changes of a cell are correlated
  (`early_late_correlation`), +1 without it; published arrays show -0.2 to -0.5 [2]_;
- h (``tail_down`` below the median, ``tail_up`` above) gives the heavy tails of cells that jump
  [3]_; without it the change is normal;
- ``saturating``: s stays at 1 beyond t_ref (SPIRIT reports no change after the first hour [1]_);
- ``log_time``: s goes on growing (published 1T1R arrays still widen at 10 000 s [2]_).

Times are valid as the card says; temperature is not applied. Many levels: `level_relaxation`.

.. [1] A. Valentian et al., IEDM 2019, 14.3.1.
.. [2] Our computation on the data of github.com/akashlevy/RRAM-Relaxation-Master-Model @ ca0cfff.
.. [3] J. W. Tukey's h distribution, in D. C. Hoaglin, F. Mosteller, J. W. Tukey (eds.), Exploring
   Data Tables, Trends, and Shapes, Wiley 1985, ch. 11.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import lambertw, ndtr

from reliability.technology import Technology

_EPOCH = 0.02  # of ln t: reads closer than this share their fluctuation


@dataclass(frozen=True)
class Relaxation:
    """Relaxation of one state.

    Parameters
    ----------
    model : {"saturating", "log_time"}
    sigma, shift : float
        Standard deviation and mean of the change of ln G at the reference time.
    onset_time, reference_time : float
        s.
    tail_down, tail_up : float
        h below and above the median, 0 or more.
    fluctuation : float
        f, 0 to 1.
    """

    model: str
    sigma: float
    shift: float
    onset_time: float
    reference_time: float
    tail_down: float = 0.0
    tail_up: float = 0.0
    fluctuation: float = 0.0

    @classmethod
    def from_technology(cls, technology: Technology, state: str) -> "Relaxation":
        """Read the sections ``relaxation`` and ``relaxation.<state>`` of a card."""
        return cls(
            model=technology.models["relaxation"],
            sigma=technology[f"relaxation.{state}.sigma"],
            shift=technology[f"relaxation.{state}.shift"],
            onset_time=technology["relaxation.onset_time"],
            reference_time=technology["relaxation.reference_time"],
            tail_down=technology.get(f"relaxation.{state}.tail_down", 0.0),
            tail_up=technology.get(f"relaxation.{state}.tail_up", 0.0),
            fluctuation=technology.get("relaxation.fluctuation", 0.0),
        )


def progress(parameters: Relaxation, time: float) -> float:
    """Return s(t): 0 at once, 1 at the reference time.

    Examples
    --------
    >>> model = Relaxation("saturating", 0.04, 0.0, onset_time=1e-3, reference_time=3600.0)
    >>> progress(model, 0.0), progress(model, 3600.0), progress(model, 1e8)
    (0.0, 1.0, 1.0)
    """
    if parameters.model == "saturating":
        time = min(time, parameters.reference_time)
    return log_progress(time, parameters.onset_time, parameters.reference_time)


def conductance(
    parameters: Relaxation,
    initial: NDArray[np.floating],
    time: float,
    z: NDArray[np.floating],
    stretch: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Return the conductance, S, at ``time`` (s) of cells with the relaxation deviates z_t.

    Parameters
    ----------
    parameters : Relaxation
    initial : ndarray, shape (...)
        Conductance as programmed, S.
    time : float
        Since programming, s.
    z : ndarray, shape (...)
        Standard normal deviate of each cell at that time, see `deviate`.
    stretch : ndarray, shape (...), optional
        Factor on sigma of each cell, of worn cells.

    Examples
    --------
    >>> model = Relaxation("log_time", 0.1, 0.0, onset_time=1e-3, reference_time=1e4)
    >>> conductance(model, np.array([1e-4]), 1e4, np.array([1.0])).round(7)
    array([0.0001105])
    """
    s = progress(parameters, time)
    kind = initial.dtype.type
    z = stretched(parameters, z)
    if stretch is not None:
        z = z * stretch.astype(z.dtype)
    return initial * np.exp(kind(parameters.shift * s) + kind(parameters.sigma * s) * z)


def stretched(parameters: Relaxation, z: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return T(z); z itself where the tails are normal.

    Examples
    --------
    >>> model = Relaxation("log_time", 0.1, 0.0, 1e-3, 1e4, tail_down=0.2)
    >>> stretched(model, np.array([-2.0, 2.0])).round(3).tolist()
    [-2.984, 2.0]
    """
    if parameters.tail_down == 0 and parameters.tail_up == 0:
        return z
    half = z.dtype.type(0.5)
    h = np.where(z < 0, z.dtype.type(parameters.tail_down), z.dtype.type(parameters.tail_up))
    return np.asarray(z * np.exp(h * z * z * half))


def fluctuation_stream(parameters: Relaxation, time: float) -> str:
    """Return the name of the deviates that reads at ``time`` (s) draw anew."""
    return f"relaxation.fluctuation/{round(math.log1p(time / parameters.onset_time) / _EPOCH)}"


def deviate(
    parameters: Relaxation, time: float, deviates: Callable[[str], NDArray[np.floating]]
) -> NDArray[np.floating]:
    """Return z_t of cells.

    Parameters
    ----------
    parameters : Relaxation
    time : float
        s.
    deviates : callable
        Name of a phenomenon to standard normal deviates.

    Examples
    --------
    >>> model = Relaxation("log_time", 0.1, 0.0, 1e-3, 1e4, fluctuation=0.64)
    >>> deviate(model, 1.0, lambda name: np.ones(1)).round(3).tolist()
    [1.4]
    """
    own = deviates("relaxation")
    if parameters.fluctuation == 0:
        return own
    kind, f = own.dtype.type, parameters.fluctuation
    read = deviates(fluctuation_stream(parameters, time))
    return np.asarray(kind(math.sqrt(1 - f)) * own + kind(math.sqrt(f)) * read)


def shared_deviate(parameters: Relaxation, early: float, late: float) -> float:
    """Return the correlation of z_t at two times (s): 1 - f, or 1 where one read is both.

    Examples
    --------
    >>> model = Relaxation("log_time", 0.1, 0.0, 1e-3, 1e4, fluctuation=0.64)
    >>> shared_deviate(model, 1.0, 1e4), shared_deviate(model, 1.0, 1.0)
    (0.36, 1.0)
    """
    same = fluctuation_stream(parameters, early) == fluctuation_stream(parameters, late)
    return 1.0 if same else 1.0 - parameters.fluctuation


def early_late_correlation(parameters: Relaxation, early: float, late: float) -> float:
    """Return the correlation of a cell's change to ``early`` (s) with its change from there on.

    Of normal tails: with r the correlation of z_t at both times, (r s2 - s1) over
    sqrt(s1^2 + s2^2 - 2 r s1 s2).

    Examples
    --------
    >>> model = Relaxation("log_time", 0.1, 0.0, 1e-3, 1e4)
    >>> early_late_correlation(model, 1.0, 1e4)
    1.0
    >>> from dataclasses import replace
    >>> round(early_late_correlation(replace(model, fluctuation=0.7), 1.0, 1e4), 2)
    -0.13
    """
    r = shared_deviate(parameters, early, late)
    first, second = progress(parameters, early), progress(parameters, late)
    return (r * second - first) / math.sqrt(first**2 + second**2 - 2 * r * first * second)


def probability_below(
    parameters: Relaxation, initial: float, time: float, reference: ArrayLike
) -> NDArray[np.floating]:
    """Return the probability that a cell programmed to ``initial`` (S) is below ``reference``.

    Examples
    --------
    >>> model = Relaxation("log_time", 0.1, 0.0, onset_time=1e-3, reference_time=1e4)
    >>> probability_below(model, 1e-4, 1e4, [1e-4, 1.1e-4]).round(4).tolist()
    [0.5, 0.8297]
    """
    s = progress(parameters, time)
    step = np.log(np.asarray(reference, float) / initial) - parameters.shift * s
    with np.errstate(divide="ignore", invalid="ignore"):
        score = _unstretched(parameters, step / (parameters.sigma * s))
        return np.where(s > 0, ndtr(score), (step > 0).astype(float))


def _unstretched(parameters: Relaxation, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `stretched`: sign(x) sqrt(W(h x^2) / h) with Lambert's W."""
    h = np.where(x < 0, parameters.tail_down, parameters.tail_up)
    with np.errstate(over="ignore"):
        bent = np.sqrt(np.real(lambertw(h * x**2)) / np.where(h > 0, h, 1.0))
    return np.where((h > 0) & np.isfinite(x), np.sign(x) * bent, x)


def log_progress(time: float, onset: float, reference: float) -> float:
    """Return ln(1 + t/t_on) / ln(1 + t_ref/t_on)."""
    return math.log1p(time / onset) / math.log1p(reference / onset)

"""Equivalent time of processes that run in the logarithm of time.

Relaxation of a filament and drift of a glass are sums of many small steps whose barriers spread
over a wide, flat range. At the temperature T all barriers up to the front

    E = k T ln(t / t_a)

have been passed after the time t, with the attempt time t_a. A change of temperature keeps the
front: the time that would have brought it there at the new temperature is where the clock goes on.
So the temperature T acts as the time at a reference temperature

    t_eq = t_a (t / t_a)^(T / T_ref)

for one segment, and any sequence of segments gives one t_eq; at T_ref it is the time itself.
This is the picture of barriers with a flat spectrum (Gibbs) as used for structural relaxation;
the attempt time is what a card says. Times shorter than the attempt time do nothing.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from reliability.errors import InputError


def equivalent_time(
    times: ArrayLike, temperatures: ArrayLike, attempt_time: float, reference_temperature: float
) -> float:
    """Return the time (s) at the reference temperature that does what the segments do.

    Parameters
    ----------
    times, temperatures : array_like, shape (segments,)
        s and K, in their order.
    attempt_time : float
        s, more than 0.
    reference_temperature : float
        K.

    Examples
    --------
    >>> round(equivalent_time([3600.0], [298.15], 1e-6, 298.15), 6)
    3600.0
    >>> two = equivalent_time([1800.0, 1800.0], [358.15, 358.15], 1e-6, 298.15)
    >>> one = equivalent_time([3600.0], [358.15], 1e-6, 298.15)
    >>> math.isclose(two, one)
    True
    """
    if not attempt_time > 0:
        raise InputError(f"attempt_time: got {attempt_time!r}, allowed > 0 s")
    t, kelvin = (np.atleast_1d(np.asarray(x, float)) for x in (times, temperatures))
    if np.all(kelvin == reference_temperature):
        return float(t.sum())
    front = -math.inf  # E / k T_ref, the log of t_eq / t_a
    for time, temperature in zip(t, kelvin, strict=True):
        if time > 0:
            ratio = temperature / reference_temperature
            here = front / ratio if front > 0 else front
            here = float(np.logaddexp(here, math.log(time / attempt_time)))
            front = here * ratio if here > 0 else here
    return attempt_time * math.exp(min(front, 690.0))  # finite, however hot and long

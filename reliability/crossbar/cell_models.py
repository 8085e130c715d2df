"""Current-voltage models of one cell, as `solve_crossbar` takes them in ``cell=``.

A model is called with two arrays of one shape, the conductance at low voltage (S) and the voltage
from word to bit line (V), and returns the current (A) and its derivative (S), the derivative not
negative. A cell of conductance 0 is open: the solver does not ask the model for it. `to_spice` also
needs ``spice()``, the current as an ngspice expression of ``{g}`` (S) and ``{v}`` (V).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError

Array = NDArray[np.float64]
CellModel = Callable[[Array, Array], tuple[Array, Array]]


def cell_model(
    current: Callable[[Array, Array], NDArray[np.floating]], step: float = 1e-5
) -> CellModel:
    """Make a cell model from a function that only gives the current, by central differences.

    The currents of the array stay exact, as only Newton's steps use the derivative.

    Parameters
    ----------
    current : callable
        ``current(conductance, voltage)`` in A, e.g. of `reliability.devices.conduction`.
    step : float
        V.

    Examples
    --------
    >>> import numpy as np
    >>> from reliability.devices.conduction import milo
    >>> value, slope = cell_model(milo)(np.array([1e-4]), np.array([0.2]))
    >>> bool(1e-5 < value[0] < 4e-5), bool(slope[0] > 0)
    (True, True)
    """

    def model(conductance: Array, voltage: Array) -> tuple[Array, Array]:
        high, low = current(conductance, voltage + step), current(conductance, voltage - step)
        slope = (np.asarray(high, dtype=float) - low) / (2 * step)
        return np.asarray(current(conductance, voltage), dtype=float), slope

    return model


def evaluated(cell: CellModel, conductance: Array, voltage: Array) -> tuple[Array, Array]:
    """Return current and slope of cells; an open cell (conductance 0) carries no current.

    Raises
    ------
    InputError
        A current that falls with voltage.
    """
    there = conductance > 0
    known = conductance if there.all() else np.where(there, conductance, conductance.max() or 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        current, slope = cell(known, voltage)
    if known is not conductance:
        current, slope = np.where(there, current, 0.0), np.where(there, slope, 0.0)
    if np.any(slope < 0):
        worst = float(np.max(np.abs(voltage)))
        raise InputError(f"cell: the current falls with voltage somewhere within {worst:.3g} V")
    return current, slope


@dataclass(frozen=True)
class SinhCell:
    """Hopping or tunnelling conduction, ``I = G V0 sinh(V / V0)``.

    Parameters
    ----------
    v0 : float
        Voltage scale in V; about 0.1 to 0.6 V for oxides, larger is more linear.

    References
    ----------
    .. [1] J. G. Simmons, J. Appl. Phys. 34, 1793 (1963), doi:10.1063/1.1702682 (the sinh form at
       low voltage); hopping between traps gives the same form.

    Examples
    --------
    >>> import numpy as np
    >>> current, slope = SinhCell(0.2)(np.array([1e-5]), np.array([0.2]))
    >>> print(f"{current[0]:.4g} {slope[0]:.4g}")
    2.35e-06 1.543e-05
    """

    v0: float

    def __call__(self, conductance: Array, voltage: Array) -> tuple[Array, Array]:
        x = voltage / self.v0
        return conductance * self.v0 * np.sinh(x), conductance * np.cosh(x)

    def spice(self) -> str:
        return f"{{g}}*{self.v0!r}*sinh({{v}}/{self.v0!r})"


@dataclass(frozen=True)
class PolynomialCell:
    """Polynomial model, ``I = G (V + a V^2 + b V^3)``, fitted to measured read curves.

    Parameters
    ----------
    a, b : float
        In 1/V and 1/V^2, of all conductances. Valid only where the derivative stays positive.

    Examples
    --------
    >>> import numpy as np
    >>> current, slope = PolynomialCell(0.0, 10.0)(np.array([1e-5]), np.array([0.1]))
    >>> print(f"{current[0]:.4g} {slope[0]:.4g}")
    1.1e-06 1.3e-05
    """

    a: float
    b: float

    def __call__(self, conductance: Array, voltage: Array) -> tuple[Array, Array]:
        current = conductance * voltage * (1 + voltage * (self.a + voltage * self.b))
        return current, conductance * (1 + voltage * (2 * self.a + 3 * self.b * voltage))

    def spice(self) -> str:
        return f"{{g}}*{{v}}*(1+{{v}}*({self.a!r}+{{v}}*{self.b!r}))"


@dataclass(frozen=True)
class TransistorCell:
    """A linear cell in series with its access transistor (1T1R), long-channel square law.

    With u the drop over the transistor, ``I = G (V - u) = k (Vov u - u^2 / 2)`` for ``u < Vov`` and
    ``k Vov^2 / 2`` in saturation. Odd in V: the overdrive counts from the lower terminal.

    Parameters
    ----------
    gain : float
        k in A/V^2.
    overdrive : float
        Gate voltage above threshold, Vov in V.

    References
    ----------
    .. [1] Y. Tsividis, C. McAndrew, Operation and Modeling of the MOS Transistor, 3rd ed., Oxford
       2011, ch. 4 (square law).

    Examples
    --------
    >>> import numpy as np
    >>> current, _ = TransistorCell(4e-4, 0.5)(np.array([1e-4, 1e-3]), np.array([0.1, 5.0]))
    >>> current.round(8)
    array([6.59e-06, 5.00e-05])
    """

    gain: float
    overdrive: float

    def __call__(self, conductance: Array, voltage: Array) -> tuple[Array, Array]:
        g, size = conductance, np.abs(voltage)
        half = self.gain * self.overdrive + g
        root = np.sqrt(np.maximum(half**2 - 2 * self.gain * g * size, 0.0))
        drop = 2 * g * size / (half + root)
        triode = drop < self.overdrive
        current = np.where(triode, g * (size - drop), self.gain * self.overdrive**2 / 2)
        channel = self.gain * (self.overdrive - drop)
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = np.where(triode & (g > 0), channel * g / (channel + g), 0.0)
        return np.copysign(np.where(g > 0, current, 0.0), voltage), slope

    def spice(self) -> str:
        k, vov = repr(self.gain), repr(self.overdrive)
        half = f"({k}*{vov}+{{g}})"
        drop = f"(2*{{g}}*abs({{v}})/({half}+sqrt(max({half}*{half}-2*{k}*{{g}}*abs({{v}}),0))))"
        return f"sgn({{v}})*({drop}<{vov} ? {{g}}*(abs({{v}})-{drop}) : {k}*{vov}*{vov}/2)"


@dataclass(frozen=True)
class SelectorCell:
    """A linear cell in series with a threshold-less selector, ``Is sinh(u / Vs)`` (1S1R).

    Parameters
    ----------
    saturation_current : float
        Is in A.
    scale : float
        Vs in V; the current grows by a factor e for each Vs.

    Examples
    --------
    >>> import numpy as np
    >>> current, _ = SelectorCell(1e-12, 0.05)(np.full(2, 1e-4), np.array([0.5, 1.0]))
    >>> round(float(current[1] / current[0]))  # half-selected cells leak this much less
    1292
    """

    saturation_current: float
    scale: float

    def __call__(self, conductance: Array, voltage: Array) -> tuple[Array, Array]:
        g, size = conductance, np.abs(voltage)
        start = self.saturation_current
        x = np.minimum(size / self.scale, np.arcsinh(g * size / start))  # above the root
        with np.errstate(invalid="ignore", divide="ignore"):
            for _ in range(60):  # Newton on a convex function, from above: cannot overshoot
                value = start * np.sinh(x) / g + self.scale * x - size
                step = value / (start * np.cosh(x) / g + self.scale)
                step = np.where(g > 0, step, 0.0)
                x = np.maximum(x - step, 0.0)
                if np.all(np.abs(step) <= 1e-15 * (1 + x)):
                    break
            current = np.where(g > 0, start * np.sinh(x), 0.0)
            slope = np.where(g > 0, 1 / (1 / g + self.scale / np.hypot(current, start)), 0.0)
        return np.copysign(current, voltage), slope

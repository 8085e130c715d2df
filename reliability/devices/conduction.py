"""Conduction: the current of a state against voltage and temperature.

Two models of I(V), which a card chooses from:

- ``sinh``: I = G V_0 sinh(V / V_0), one voltage V_0 for all states [1]_ (0.43 V: 0.9 % more than
  ohmic at 0.1 V, 8 % more at 0.3 V); odd in V, valid to about 0.5 V;
- ``polynomial``: I = G V + a(G) V^2 + b(G) V^3, the polynomial of Milo et al. [2]_ in log10 G;
  valid for 50 to 225 uS and 0 to 0.5 V.

G is the small-signal conductance at the reference temperature. It follows the temperature as

    LRS (metallic):   G(T) = G / (1 + alpha (T - T_ref))
    HRS (activated):  G(T) = G exp[-(Ea/k) (1/T - 1/T_ref)]

near room temperature (250 to 400 K, `TEMPERATURES`); when cold, the HRS is driven by the field and
its window narrows [3]_, which the model does not follow. In a 1T1R cell the select transistor,
fully
on, is a series resistance.

.. [1] SkyWater sky130 ReRAM model, sky130_fd_pr_reram__reram_cell.va @ 31cefa6.
.. [2] V. Milo et al., "Optimized programming algorithms for multilevel RRAM in hardware neural
   networks", IRPS 2021, doi:10.1109/IRPS46558.2021.9405119, Fig. 1, as fitted in
   sandialabs/cross-sim RRAM_Milo.py.
.. [3] Ram et al., Appl. Phys. Lett. 128, 173501, abstract.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError
from reliability.lifetime.acceleration import arrhenius
from reliability.technology import Technology

TEMPERATURES = (250.0, 400.0)  # K, between which a conductance follows the temperature so
# Milo et al.: coefficients of V^2 and V^3, polynomials in log10(G / S), highest power first.
_MILO_SQUARE = (1.388e-4, 1.541e-3, 5.711e-3, 7.063e-3)
_MILO_CUBE = (8.8710e-5, 6.7919e-4, 1.2968e-3)


@dataclass(frozen=True)
class Conduction:
    """Conduction of one state.

    Parameters
    ----------
    model : {"sinh", "polynomial"}
    nonlinearity_voltage : float
        V_0, V (``sinh``).
    reference_temperature : float
        K.
    activation_energy : float
        eV; 0 for a metallic state.
    temperature_coefficient : float
        alpha, 1/K; 0 for an activated state.
    """

    model: str
    nonlinearity_voltage: float
    reference_temperature: float
    activation_energy: float = 0.0
    temperature_coefficient: float = 0.0

    @classmethod
    def from_technology(cls, technology: Technology, state: str) -> "Conduction":
        """Read the sections ``conduction`` and ``conduction.<state>`` of a card."""
        own = f"conduction.{state}"
        model = technology.models["conduction"]
        return cls(
            model=model,
            nonlinearity_voltage=(
                technology["conduction.nonlinearity_voltage"] if model == "sinh" else np.inf
            ),
            reference_temperature=technology["conduction.reference_temperature"],
            **{
                name: technology[f"{own}.{name}"]
                for name in ("activation_energy", "temperature_coefficient")
                if f"{own}.{name}" in technology
            },
        )


def at_temperature(
    parameters: Conduction, conductance: ArrayLike, temperature: ArrayLike
) -> NDArray[np.floating]:
    """Return the small-signal conductance, S, at a temperature (K).

    Parameters
    ----------
    parameters : Conduction
    conductance : array_like
        At the reference temperature, S.
    temperature : array_like
        K.

    Raises
    ------
    InputError
        A temperature at which a metallic state would have no resistance left.

    Examples
    --------
    >>> hrs = Conduction("sinh", 0.43, 298.15, activation_energy=0.06)
    >>> at_temperature(hrs, [1e-5], 358.15).round(8)
    array([1.479e-05])
    """
    t = np.asarray(temperature, float)
    if np.any(t <= 0):
        raise InputError(f"temperature: got {t.min():g} K, allowed more than 0")
    metallic = 1.0 + parameters.temperature_coefficient * (t - parameters.reference_temperature)
    if np.any(metallic <= 0):
        raise InputError(
            f"temperature: got {t.min():g} to {t.max():g} K, outside the range of a temperature "
            f"coefficient of {parameters.temperature_coefficient:g} per K"
        )
    factor = arrhenius(parameters.reference_temperature, t, parameters.activation_energy) / metallic
    g = np.asarray(conductance)
    return g * (factor.astype(g.dtype) if g.dtype.kind == "f" else factor)


def current(
    parameters: Conduction,
    conductance: ArrayLike,
    voltage: ArrayLike,
    temperature: ArrayLike | None = None,
) -> NDArray[np.floating]:
    """Return the current, A, at a voltage across the cell.

    Parameters
    ----------
    parameters : Conduction
    conductance : array_like
        Small-signal, at the reference temperature, S.
    voltage : array_like
        V.
    temperature : array_like, optional
        K; the reference temperature by default.

    Examples
    --------
    >>> model = Conduction("sinh", 0.43, 298.15)
    >>> (current(model, 1e-4, np.array([0.1, 0.3])) / [1e-5, 3e-5]).round(3)
    array([1.009, 1.083])
    """
    g = np.asarray(conductance)
    if temperature is not None:
        g = at_temperature(parameters, g, temperature)
    if parameters.model == "polynomial":
        return milo(g, voltage)
    v0 = parameters.nonlinearity_voltage
    return g * v0 * np.sinh(np.asarray(voltage) / v0)


def milo(conductance: ArrayLike, voltage: ArrayLike) -> NDArray[np.floating]:
    """Return the current, A, of the polynomial of Milo et al.

    I = G V + a V^2 + b V^3 with a and b polynomials in log10(G). For 50 to 225 uS, 0 to 0.5 V.

    Examples
    --------
    >>> (milo(1e-4, np.array([0.1, 0.5])) / [1e-5, 5e-5]).round(3)
    array([0.992, 0.958])
    """
    g, v = np.asarray(conductance), np.asarray(voltage)
    log_g = np.log10(g)
    return g * v + np.polyval(_MILO_SQUARE, log_g) * v**2 + np.polyval(_MILO_CUBE, log_g) * v**3

"""How stress shortens life: log life as a linear function of transformed stresses.

Each model gives one or two regressors ``x(stress)``; in a fit, ``log life = intercept + sum of
coefficient * x + offset``, with these coefficients [1]_ [2]_:

=================== ========================================== ==============================
model               life                                       coefficients
=================== ========================================== ==============================
arrhenius           exp(Ea / kT)                               activation_energy (eV)
eyring              (1/T) exp(Ea / kT)                         activation_energy (eV)
t_model             exp(-s T) [3]_                             temperature_slope (1/K)
inverse_power       V^-n                                       exponent
e_model             exp(-gamma E)                              field_acceleration (1/E)
inverse_e           exp(G / E)                                 field_constant (E)
voltage_exponential exp(-gamma V)                              voltage_acceleration (1/V)
thermochemical      exp((Ea - a E) / kT)                       activation_energy, field_coupling
=================== ========================================== ==============================

Models of temperature act on the stress named ``temperature`` (K), the others on any. They combine
with ``+``: ``"arrhenius+inverse_power"``, or as a mapping from stress to model. k is Boltzmann's
constant in eV/K.

References
----------
.. [1] JEDEC JEP122H, "Failure Mechanisms and Models for Semiconductor Devices", 2016.
.. [2] L. A. Escobar, W. Q. Meeker, Stat. Sci. 21, 552 (2006), doi:10.1214/088342306000000321.
.. [3] B. De Salvo et al., IEEE Trans. Electron Devices 46, 1518 (1999), doi:10.1109/16.772505: data
   retention of nonvolatile memories, linear in T instead of 1/T.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError, unknown_name
from reliability.units import BOLTZMANN

Array = NDArray[np.float64]


class Model(NamedTuple):
    """An acceleration model: names of its coefficients and functions of the stresses it takes."""

    stresses: tuple[str, ...]  # "*": any stress that is not a temperature
    coefficients: tuple[str, ...]
    regressors: Callable[..., tuple[Array, ...]]
    offset: Callable[..., Array] | None = None


def _inverse_energy(temperature: Array) -> Array:
    return 1 / (BOLTZMANN * temperature)


MODELS: dict[str, Model] = {
    "arrhenius": Model(("temperature",), ("activation_energy",), lambda t: (_inverse_energy(t),)),
    "eyring": Model(
        ("temperature",), ("activation_energy",), lambda t: (_inverse_energy(t),),
        lambda t: -np.log(t),
    ),
    "t_model": Model(("temperature",), ("temperature_slope",), lambda t: (-t,)),
    "inverse_power": Model(("*",), ("exponent",), lambda v: (-np.log(v),)),
    "e_model": Model(("*",), ("field_acceleration",), lambda e: (-e,)),
    "inverse_e": Model(("*",), ("field_constant",), lambda e: (1 / e,)),
    "voltage_exponential": Model(("*",), ("voltage_acceleration",), lambda v: (-v,)),
    "thermochemical": Model(
        ("temperature", "*"), ("activation_energy", "field_coupling"),
        lambda t, e: (_inverse_energy(t), -e * _inverse_energy(t)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Acceleration:
    """Acceleration models with the stresses they act on.

    Attributes
    ----------
    models : tuple of Model
    stresses : tuple of tuple of str
        Names of the stresses of each model.
    coefficients : tuple of str
        Names of all coefficients, in order.
    """

    models: tuple[Model, ...]
    stresses: tuple[tuple[str, ...], ...]
    coefficients: tuple[str, ...]

    def regressors(self, stress: Mapping[str, ArrayLike]) -> tuple[Array, Array]:
        """Regressors, shape (rows, coefficients), and offset, shape (rows,), of given stresses.

        Raises
        ------
        InputError
            A stress is missing, or not positive and finite.
        """
        values = {}
        for name in sorted({name for names in self.stresses for name in names}):
            if name not in stress:
                raise InputError(f"stress: {name!r} is missing, got {', '.join(stress) or 'none'}")
            try:
                value = np.atleast_1d(np.asarray(stress[name], float))
            except (TypeError, ValueError):
                raise InputError(
                    f"stress {name}: got text, allowed numbers; a factor needs a formula (~ {name})"
                ) from None
            if not np.all(np.isfinite(value) & (value > 0)):
                raise InputError(f"stress {name}: got a value that is not positive and finite")
            values[name] = value
        size = max(value.size for value in values.values())
        columns: list[Array] = []
        offset = np.zeros(size)
        for model, names in zip(self.models, self.stresses, strict=True):
            arguments = [np.broadcast_to(values[name], (size,)) for name in names]
            columns += [np.asarray(column, float) for column in model.regressors(*arguments)]
            if model.offset is not None:
                offset = offset + model.offset(*arguments)
        return np.stack(columns, axis=1), offset


def acceleration(
    models: str | Mapping[str, str], stresses: Sequence[str], name: str = "acceleration"
) -> Acceleration:
    """Assign acceleration models to stresses.

    Parameters
    ----------
    models : str or mapping
        ``"arrhenius"``, ``"arrhenius+inverse_power"``, or ``{"temperature": "arrhenius",
        "voltage": "inverse_power"}``.
    stresses : sequence of str
        Names of the stresses that the data have.
    name : str
        What an error calls it.

    Raises
    ------
    InputError
        Unknown model, or a model without a stress to act on.

    Examples
    --------
    >>> acceleration("arrhenius+inverse_power", ["temperature", "voltage"]).coefficients
    ('activation_energy', 'exponent')
    """
    pairs = (
        [(key, model) for key, model in models.items()]
        if isinstance(models, Mapping)
        else [("", model.strip()) for model in models.split("+")]
    )
    free = [stress for stress in stresses if stress != "temperature"]
    chosen: list[Model] = []
    taken: list[tuple[str, ...]] = []
    for key, model_name in pairs:
        if model_name not in MODELS:
            raise unknown_name(name, model_name, MODELS)
        model = MODELS[model_name]
        own = key if key and key != "temperature" else next(iter(free), "")
        if "*" in model.stresses and not own:
            raise InputError(
                f"{name} {model_name}: no stress beside the temperature is left for it, "
                f"got {', '.join(stresses) or 'none'}"
            )
        names = tuple(own if each == "*" else each for each in model.stresses)
        if key and key not in names:
            raise InputError(f"{name}: {model_name} acts on {', '.join(names)}, got it for {key!r}")
        missing = [each for each in names if each not in stresses]
        if missing:
            raise InputError(f"{name} {model_name}: needs the stress {missing[0]!r}")
        free = [stress for stress in free if stress not in names]
        chosen.append(model)
        taken.append(names)
    named = [(c, n[-1]) for m, n in zip(chosen, taken, strict=True) for c in m.coefficients]
    plain = [c for c, _ in named]
    unique = tuple(c if plain.count(c) == 1 else f"{c}_{stress}" for c, stress in named)
    return Acceleration(tuple(chosen), tuple(taken), unique)


def arrhenius(
    temperature_from: ArrayLike, temperature_to: ArrayLike, activation_energy: ArrayLike
) -> Array:
    """How many times faster a thermally activated process is at ``temperature_to``.

    ``AF = exp(Ea/k (1/T_from - 1/T_to))``.

    Parameters
    ----------
    temperature_from, temperature_to : array_like
        In K, greater than 0.
    activation_energy : array_like
        In eV.

    Raises
    ------
    InputError
        A temperature is not greater than 0.

    Examples
    --------
    >>> round(float(arrhenius(328.15, 398.15, 0.7)), 1)
    77.6
    """
    cold, hot = np.asarray(temperature_from, float), np.asarray(temperature_to, float)
    if not (np.all(cold > 0) and np.all(hot > 0)):
        raise InputError("temperature: got a value that is not greater than 0 K")
    return np.exp(np.asarray(activation_energy, float) / BOLTZMANN * (1 / cold - 1 / hot))

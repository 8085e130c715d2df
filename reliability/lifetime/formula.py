"""Covariates of life as a formula: groups, interactions, squares and transforms that a user names.

``"~ arrhenius(temperature) + log(voltage) + lot"`` reads: log life is an intercept plus a
coefficient for each term. A column of text is a factor with the first level in alphabetical order
as reference (``C(lot, contr.treatment('B'))`` names another one), ``C(column)`` makes a factor of
numbers, ``a:b`` is an interaction, ``a*b`` is ``a + b + a:b``, and arithmetic stands in ``I()``:
``I(log(stress)**2)``. Formulas are those of formulaic [1]_, which evaluates the functions in them
as Python: take formulas from people you trust.

Besides ``log``, ``exp`` and NumPy as ``np``, the acceleration models with one coefficient are
functions: the coefficient of ``arrhenius(temperature)`` is an activation energy in eV, that of
``inverse_power(voltage)`` an exponent.

References
----------
.. [1] M. Wardrop, formulaic, https://github.com/matthewwardrop/formulaic.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError
from reliability.lifetime.acceleration import MODELS, Acceleration
from reliability.lifetime.acceleration import acceleration as assign_models

Array = NDArray[np.float64]
Transform = Callable[[Array], Array]

_FUNCTIONS: dict[str, Transform] = {
    name: lambda values, model=model: model.regressors(np.asarray(values, float))[0]  # type: ignore[misc]
    for name, model in MODELS.items()
    if len(model.coefficients) == 1 and model.offset is None
}


@dataclass(frozen=True)
class Formula:
    """A formula with the factor levels and transforms of the data that it was read for.

    It has the attributes and the method of an `Acceleration`, and stands wherever one does.

    Attributes
    ----------
    text : str
    stresses : tuple of tuple of str
        One group: the columns that the formula uses.
    coefficients : tuple of str
        Its terms, without the intercept.
    """

    text: str
    stresses: tuple[tuple[str, ...], ...]
    coefficients: tuple[str, ...]
    spec: Any = field(repr=False)
    functions: dict[str, Transform] = field(repr=False)

    def regressors(self, stress: Mapping[str, ArrayLike]) -> tuple[Array, Array]:
        """Regressors, shape (rows, coefficients), and offset (zero), shape (rows,).

        Raises
        ------
        InputError
            A column is missing, a level is new, or a term is not finite.
        """
        for name in self.stresses[0]:
            if name not in stress:
                raise InputError(f"stress: {name!r} is missing, got {', '.join(stress) or 'none'}")
        used = {name: np.atleast_1d(np.asarray(stress[name])) for name in self.stresses[0]}
        if not used:
            return np.empty((1, 0)), np.zeros(1)
        return _matrix(self.spec, used, self.functions, self.text)[0], np.zeros(_rows(used))


def formula(
    text: str,
    columns: Mapping[str, ArrayLike],
    transforms: Mapping[str, Transform] | None = None,
    name: str = "formula",
) -> Formula:
    """Read a formula for the columns of a data set.

    Parameters
    ----------
    text : str
        Right-hand side, with or without ``~`` before it.
    columns : mapping of str to array_like, shape (n,)
        Numbers or text.
    transforms : mapping of str to callable, optional
        Functions that the formula may name.
    name : str
        What an error calls it.

    Raises
    ------
    InputError
        A formula that cannot be read, a name that is not a column, a term that is not finite, or
        no intercept.

    Examples
    --------
    >>> columns = {"temperature": [398.15, 423.15, 398.15], "lot": ["A", "A", "B"]}
    >>> formula("~ arrhenius(temperature) + lot", columns).coefficients
    ('arrhenius(temperature)', 'lot[T.B]')
    """
    from formulaic import Formula as Parsed
    from formulaic import SimpleFormula
    from formulaic.errors import FormulaicError

    right = text.strip().removeprefix("~").strip()
    try:
        parsed: Any = Parsed(right)
    except FormulaicError as error:
        raise InputError(f"{name}: cannot read {text!r}: {_one_line(error)}") from None
    if not isinstance(parsed, SimpleFormula):
        raise InputError(f"{name}: got {text!r}, expected one right-hand side after '~'")
    functions = {**_FUNCTIONS, **(transforms or {})}
    arrays = {key: np.atleast_1d(np.asarray(values)) for key, values in columns.items()}
    if not arrays:
        raise InputError(f"{name}: got no column for {text!r}")
    _, spec = _matrix(parsed, arrays, functions, text, name)
    used = tuple(key for key in arrays if key in spec.required_variables)
    return Formula(text, (used,), tuple(spec.column_names[1:]), spec, functions)


def find_acceleration(
    models: "str | Mapping[str, str] | Formula", stress: Mapping[str, ArrayLike], name: str
) -> "Acceleration | Formula":
    """Acceleration models by name, or a formula (a text with ``~``), for the stresses of the data.

    Examples
    --------
    >>> find_acceleration("~ log(voltage)", {"voltage": [1.0, 2.0]}, "acceleration").coefficients
    ('log(voltage)',)
    """
    if isinstance(models, Formula):
        return models
    if isinstance(models, str) and "~" in models:
        return formula(models, stress, name=name)
    return assign_models(models, list(stress), name)


def _matrix(
    source: Any,
    columns: Mapping[str, NDArray[Any]],
    functions: Mapping[str, Transform],
    text: str,
    name: str = "formula",
) -> tuple[Array, Any]:
    """Regressors without the intercept, and the specification that makes those of new data."""
    import pandas as pd
    from formulaic.errors import DataMismatchWarning, FormulaicError

    rows = _rows(columns)
    frame = pd.DataFrame({k: np.broadcast_to(v, (rows,)) for k, v in columns.items()})
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", DataMismatchWarning)
            matrix = source.get_model_matrix(frame, context=functions, na_action="ignore")
    except DataMismatchWarning as warning:
        new = str(warning).rpartition(": {")[0] and str(warning).partition("{")[2].partition("}")[0]
        raise InputError(f"{name}: the fit has no level {new} of a factor in {text!r}") from None
    except FormulaicError as error:
        raise InputError(
            f"{name}: {_one_line(error)}; columns: {', '.join(columns) or 'none'}"
        ) from None
    except (TypeError, ValueError, ArithmeticError) as error:
        raise InputError(f"{name}: cannot evaluate {text!r}: {_one_line(error)}") from None
    names = list(matrix.model_spec.column_names)
    if names[:1] != ["Intercept"]:
        raise InputError(f"{name}: {text!r} leaves out the intercept, which is always estimated")
    x = np.asarray(matrix, float)[:, 1:]
    bad = ~np.isfinite(x)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise InputError(f"{name}: {names[1 + column]} is not finite in row {row}")
    return x, matrix.model_spec


def _rows(columns: Mapping[str, NDArray[Any]]) -> int:
    return max((values.size for values in columns.values()), default=1)


def _one_line(error: Exception) -> str:
    """The message of an error without colours and line breaks."""
    plain = "".join(c for c in str(error).split("\n")[0] if c.isprintable())
    return plain.strip().rstrip(".")

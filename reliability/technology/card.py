"""The technology card in memory: parameters with their uncertainty, models, valid ranges."""

import json
import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, ClassVar, Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from reliability.errors import expect, unknown_name
from reliability.random import stream
from reliability.technology.observed import Observation
from reliability.technology.vocabulary import check_possible, first_name
from reliability.units import quantity

_ROUNDING = 1e-4  # what a matrix of rounded numbers may be off by

Confidence = Literal["measured", "published", "fitted", "assumed"]


class Parameter(BaseModel):
    """One number of a card, in SI.

    ``distribution`` says how the value is uncertain: ``normal`` (``sigma`` in the value's unit),
    ``lognormal`` (``sigma`` of the natural logarithm), ``uniform`` (over ``interval``) or
    ``exact`` (by definition or design).

    Parameters
    ----------
    value : float
        In ``unit``, an SI unit; empty for a pure number.
    sigma : float, optional
    interval : (float, float), optional
    source : str
        Where the value is from; never empty.
    confidence : {"measured", "fitted", "published", "assumed"}
    valid : (float, float), optional
        Range of the value in which the model holds.
    note : str

    Raises
    ------
    pydantic.ValidationError
        No source, an unknown word, or not what the distribution needs.

    Examples
    --------
    >>> barrier = Parameter(value=1.4, unit="eV", distribution="normal", sigma=0.15,
    ...                     source="bakes of lot 7", confidence="measured")
    >>> barrier.sigma
    0.15
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    unit: str = ""
    sigma: float | None = None
    interval: tuple[float, float] | None = None
    distribution: Literal["normal", "lognormal", "uniform", "bounded", "exact"]
    source: str
    confidence: Confidence
    valid: tuple[float, float] | None = None
    note: str = ""

    @model_validator(mode="after")
    def _uncertainty_is_whole(self) -> "Parameter":
        if self.distribution == "uniform":
            if self.interval is None or not self.interval[0] <= self.value <= self.interval[1]:
                raise ValueError(
                    f"a uniform value needs an interval that holds it, got {self.interval}"
                )
        elif self.distribution == "bounded" and (
            self.interval is None or not self.interval[0] < self.value < self.interval[1]
        ):
            raise ValueError(
                f"a bounded value needs an interval that it lies inside, got {self.interval}"
            )
        if self.distribution not in ("uniform", "exact") and (
            self.sigma is None or not self.sigma >= 0
        ):
            raise ValueError(f"a {self.distribution} value needs sigma >= 0, got {self.sigma}")
        if self.distribution == "lognormal" and self.value <= 0:
            raise ValueError(f"a lognormal value must be positive, got {self.value}")
        if self.valid and not self.valid[0] <= self.value <= self.valid[1]:
            raise ValueError(f"got {self.value}, outside its own valid range {list(self.valid)}")
        return self

    def set_to(self, value: float, where: str) -> "Parameter":
        """Return what a study sets instead of the one that ``where`` ("card", say) has."""
        return Parameter(
            value=value,
            unit=self.unit,
            distribution="exact",
            source=f"set by the study; the {where} has {self.value:g} from: {self.source}",
            confidence="assumed",
        )

    def at(self, z: float) -> float:
        """Return the value at standard normal score ``z``, kept inside the valid range.

        >>> Parameter(value=2.0, distribution="normal", sigma=0.5, source="s",
        ...           confidence="assumed").at(-1.0)
        1.5
        """
        if self.distribution == "normal":
            value = self.value + z * (self.sigma or 0.0)
        elif self.distribution == "lognormal":
            value = self.value * math.exp(z * (self.sigma or 0.0))
        elif self.distribution == "uniform" and self.interval:
            low, high = self.interval
            value = low + (high - low) * float(scipy.special.ndtr(z))
        elif self.distribution == "bounded" and self.interval:
            low, high = self.interval
            centre = float(scipy.special.ndtri((self.value - low) / (high - low)))
            value = low + (high - low) * float(scipy.special.ndtr(centre + z * (self.sigma or 0.0)))
        else:
            value = self.value
        low, high = self.valid or (-math.inf, math.inf)
        return min(max(value, low), high)


class Correlation(BaseModel):
    """Parameters that were estimated together: the correlation matrix of their normal scores.

    The sigmas stay on the parameters. A score is what `Parameter.at` takes: of a normal value its
    distance in sigmas, of a log-normal one that of its logarithm. Where the scores are not jointly
    normal, ``draws`` are equally probable values of them, shape (draws, parameters).

    Examples
    --------
    >>> both = Correlation(parameters=("a", "b"), matrix=((1.0, 0.6), (0.6, 1.0)))
    >>> both.root.round(3).tolist()
    [[1.0, 0.0], [0.6, 0.8]]
    >>> both.scores([1.0, 1.0]).round(3).tolist()
    [1.0, 1.4]
    >>> both.without({"a"}) is None
    True
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameters: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    draws: tuple[tuple[float, ...], ...] = ()

    @model_validator(mode="after")
    def _has_draws_of_its_parameters(self) -> "Correlation":
        for k, row in enumerate(self.draws, 1):
            if len(row) != len(self.parameters):
                raise ValueError(
                    f"draws: got {len(row)} numbers in row {k}, expected {len(self.parameters)}, "
                    "as many as parameters"
                )
            if not np.all(np.isfinite(row)):
                raise ValueError(f"draws: got a number that is not finite in row {k}")
        return self

    @model_validator(mode="after")
    def _is_a_correlation(self) -> "Correlation":
        n, rows = len(self.parameters), self.matrix
        if len(set(self.parameters)) < n or n < 2:
            raise ValueError(
                f"got parameters {list(self.parameters)}, expected 2 or more, each once"
            )
        if len(rows) != n or any(len(row) != n for row in rows):
            shape = f"{len(rows)} x {max((len(row) for row in rows), default=0)}"
            raise ValueError(f"matrix: got {shape}, expected {n} x {n}, as many as parameters")
        r = np.array(rows)
        if not np.all(np.isfinite(r)):
            raise ValueError("matrix: got a number that is not finite")
        if np.abs(np.diag(r) - 1).max() > _ROUNDING:
            raise ValueError(f"matrix: got the diagonal {np.diag(r).tolist()}, expected ones")
        if np.abs(r - r.T).max() > _ROUNDING:
            i, j = (int(k) for k in np.unravel_index(np.abs(r - r.T).argmax(), r.shape))
            raise ValueError(f"matrix: got {r[i, j]:g} and {r[j, i]:g} for one pair, not symmetric")
        least = float(np.linalg.eigvalsh(r)[0])
        if least < -_ROUNDING * n:
            raise ValueError(
                f"matrix: got the eigenvalue {least:.3g}, expected a positive semi-definite matrix"
            )
        return self

    @property
    def root(self) -> NDArray[np.float64]:
        """Lower-triangular L with L L^T the matrix, also where that is singular."""
        values, vectors = np.linalg.eigh(np.array(self.matrix))
        upper = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0.0))).T, mode="r")
        lower = np.where(np.diag(upper) < 0, -1.0, 1.0)[:, None] * upper
        return np.asarray(lower.T / np.linalg.norm(lower, axis=0)[:, None])

    def scores(self, independent: ArrayLike) -> NDArray[np.float64]:
        """Return scores of the parameters together, from independent standard normal ones.

        Where the group has draws, the first number chooses one of them.
        """
        own = np.asarray(independent, float)
        if not self.draws:
            return np.asarray(self.root @ own)
        row = int(scipy.special.ndtr(own[0]) * len(self.draws))
        return np.array(self.draws[min(row, len(self.draws) - 1)])

    def without(self, names: Set[str]) -> "Correlation | None":
        """Return the group without some parameters; None where fewer than two are left."""
        keep = [i for i, name in enumerate(self.parameters) if name not in names]
        if len(keep) == len(self.parameters):
            return self
        if len(keep) < 2:
            return None
        return Correlation(
            parameters=tuple(self.parameters[i] for i in keep),
            matrix=tuple(tuple(self.matrix[i][j] for j in keep) for i in keep),
            draws=tuple(tuple(row[i] for i in keep) for row in self.draws),
        )


def without(groups: Mapping[str, Correlation], names: Set[str]) -> dict[str, Correlation]:
    """Return the groups of parameters without those that were set to something else."""
    left = {group: block.without(names) for group, block in groups.items()}
    return {group: block for group, block in left.items() if block is not None}


class ParameterTable(Mapping[str, float]):
    """A mapping from dotted parameter names to SI values, which refuses an unknown name."""

    name: str
    parameters: dict[str, Parameter]
    _kind: ClassVar[str] = ""  # what a message says before the name

    def __getitem__(self, key: str) -> float:
        try:
            return self.parameters[key].value
        except KeyError:
            whose = f"parameter of {self._kind}{self.name}"
            raise unknown_name(whose, key, self.parameters) from None

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a parameter, or ``default`` where there is none."""
        return self[key] if key in self.parameters else default

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __contains__(self, key: object) -> bool:
        return key in self.parameters


@dataclass(frozen=True)
class Technology(ParameterTable):
    """A memory technology: a mapping from dotted parameter names to SI values.

    Attributes
    ----------
    name, title, memory, description : str
    parameters : dict of str to Parameter
    models : dict of str to str
        The model that each section chose, e.g. ``{"relaxation": "saturating"}``.
    valid : dict of str to (low, high)
        Conditions in which a section holds, in SI: ``{"retention.LRS.temperature": (273, 533)}``.
    correlation : dict of str to Correlation
        Groups of parameters that were estimated together, by a name of the group.
    observations : tuple of Observation
        What was observed of the technology and is cited by the card.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> tech["read.voltage"]
    0.1
    >>> tech.parameters["read.voltage"].confidence
    'published'
    """

    name: str
    title: str
    memory: str
    description: str
    parameters: dict[str, Parameter]
    models: dict[str, str] = field(default_factory=dict)
    valid: dict[str, tuple[float, float]] = field(default_factory=dict)
    correlation: dict[str, Correlation] = field(default_factory=dict)
    observations: tuple[Observation, ...] = ()

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything the card says, in whatever order it says it."""
        ordered = json.dumps(json.loads(self.to_json()), sort_keys=True)
        return sha256(ordered.encode()).hexdigest()

    @property
    def has_states(self) -> bool:
        """Whether it describes LRS and HRS."""
        return "programming.LRS.resistance" in self

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Names of the parameters whose uncertainty leaves them more than one value.

        >>> import reliability as rel
        >>> card = rel.load_technology("oxram-130nm").with_values({"read.voltage": 0.2})
        >>> "read.voltage" in card.uncertain, "programming.HRS.sigma_cell" in card.uncertain
        (False, True)
        """
        return tuple(name for name, one in self.parameters.items() if one.at(-1.0) != one.at(1.0))

    def to_json(self) -> str:
        """Return the whole card as one line of JSON; ``from_json`` reads it back."""
        return _Card(**{name: getattr(self, name) for name in _Card.model_fields}).model_dump_json()

    @staticmethod
    @lru_cache(maxsize=16)  # a population carries its card, and each function of it asks for it
    def from_json(text: str) -> "Technology":
        """Read what ``to_json`` wrote."""
        card = _Card.model_validate_json(text)
        return Technology(**{name: getattr(card, name) for name in _Card.model_fields})

    def with_values(self, values: Mapping[str, float | str]) -> "Technology":
        """Return the card with other values, each marked as an assumption of the study.

        Numbers are in the unit of the parameter, texts bring their own (``"0.2 V"``).

        A value that is set is no longer estimated with others: it leaves its correlation group.

        >>> import reliability as rel
        >>> rel.load_technology("oxram-130nm").with_values({"read.voltage": 0.2})["read.voltage"]
        0.2
        """
        changed = dict(self.parameters)
        for key, value in values.items():
            self[key]  # refuses an unknown name
            number = quantity(value, changed[key].unit, key)
            check_possible(key, number)
            changed[key] = changed[key].set_to(number, "card")
        groups = without(self.correlation, values.keys())
        return replace(self, parameters=changed, correlation=groups)

    def drawn(self, seed: int, draw: int) -> "Technology":
        """Return the card with every value drawn from its uncertainty (one draw per ``draw``).

        Each parameter has a standard normal number of its own, which does not depend on which
        others the card has. Parameters of one correlation group mix theirs (`Correlation.scores`);
        all others are independent.
        """
        score = {
            key: float(stream(seed, f"card/{first_name(key)}", draw).standard_normal())
            for key in self.parameters
        }
        for block in self.correlation.values():
            mixed = block.scores([score[key] for key in block.parameters])
            score.update(zip(block.parameters, mixed.tolist(), strict=True))
        return replace(
            self,
            parameters={
                key: parameter.model_copy(update={"value": parameter.at(score[key])})
                for key, parameter in self.parameters.items()
            },
        )


def expect_technology(value: object) -> None:
    """Refuse what is not a card, such as its name."""
    expect(value, Technology, "technology", "a Technology, as load_technology gives it")


class _Card(BaseModel):
    """The JSON form of a Technology."""

    name: str
    title: str
    memory: str
    description: str
    parameters: dict[str, Parameter]
    models: dict[str, str]
    valid: dict[str, tuple[float, float]]
    correlation: dict[str, Correlation]
    observations: tuple[Observation, ...] = ()

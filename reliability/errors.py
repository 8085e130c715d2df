"""What the user is told when an input cannot be right: one line, with the nearest valid name."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any

# Operating system commands and device control up to their end, control sequences, other escapes.
_SEQUENCES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?"
)
# All controls but tab and line feed, and marks that change the direction of what follows.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return a text without what a terminal would obey: escape sequences, control characters.

    Texts of files that somebody else wrote go through this before they are printed.

    >>> printable("lot\\x1b]0;title\\x07 7\\x1b[2J, \\u202e25 °C")
    'lot 7, 25 °C'
    """
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))


class InputError(ValueError):
    """A specification, file or argument that cannot be right.

    The message is one line that names the key, what it got and what is allowed, without characters
    that a terminal would obey. The command line prints it without a traceback and ends with exit
    code 2.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.split())))


class RunError(RuntimeError):
    """Parts of a study that could not be computed; the command line ends with exit code 1."""


class TasksFailed(RunError):
    """Some tasks of a study failed; the others are done."""


def expect(value: object, kind: type | tuple[type, ...], name: str, how: str) -> None:
    """Refuse an argument that is another kind of thing, such as the name of a card for the card.

    >>> expect("oxram-130nm", dict, "technology", "a card")
    Traceback (most recent call last):
    reliability.errors.InputError: technology: got 'oxram-130nm', expected a card
    """
    if not isinstance(value, kind):
        got = repr(value) if isinstance(value, (str, int, float)) or value is None else ""
        raise InputError(f"{name}: got {got or f'a {type(value).__name__}'}, expected {how}")


def whole_number(value: Any, name: str, low: int = 0, high: int | None = None) -> int:
    """Return an argument that counts something as an ``int``, or refuse it.

    >>> whole_number(3.0, "cells", low=1)
    Traceback (most recent call last):
    reliability.errors.InputError: cells: got 3.0, expected an integer, 1 or more
    """
    limits = f"{low} or more" if high is None else f"{low} to {high}"
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise InputError(f"{name}: got {value!r}, expected an integer, {limits}")
    number = int(value)
    if number < low or (high is not None and number > high):
        raise InputError(f"{name}: got {number}, allowed {limits}")
    return number


def fraction(value: Any, name: str) -> float:
    """Return a probability strictly between 0 and 1, or refuse it.

    >>> fraction(1.0, "confidence")
    Traceback (most recent call last):
    reliability.errors.InputError: confidence: got 1.0, allowed between 0 and 1
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < 1:
        raise InputError(f"{name}: got {value!r}, allowed between 0 and 1")
    return float(value)


def unknown_name(kind: str, got: str, allowed: Iterable[str]) -> InputError:
    """Build the error for a name that does not exist, with the nearest one that does.

    >>> str(unknown_name("network", "spirt", ["spirit"]))
    "unknown network 'spirt'; did you mean 'spirit'? allowed: spirit"
    """
    names = sorted(allowed)
    written = {name.lower(): name for name in names}
    near = get_close_matches(got.lower(), written, n=1, cutoff=0.5)
    hint = f"; did you mean {written[near[0]]!r}?" if near else ";"
    return InputError(f"unknown {kind} {got!r}{hint} allowed: {', '.join(names)}")


def from_validation(
    error: Any, where: str, allowed: dict[str, list[str]] | None = None
) -> InputError:
    """Turn the first problem of a pydantic ``ValidationError`` into one line.

    An unknown key comes first: it is often the misspelt one that another line calls missing.

    Parameters
    ----------
    error : pydantic.ValidationError
    where : str
        File or object that the keys belong to.
    allowed : dict of str to list of str, optional
        Valid keys of each table (``""`` is the top), for the nearest name.
    """
    problems = error.errors(include_url=False)
    problem = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
    table, path = _written([str(part) for part in problem["loc"]], allowed or {})
    key = ".".join(path)
    if problem["type"] == "extra_forbidden":
        inside = ".".join(part for part in path[:-1] if not part.isdigit())
        line = unknown_name("key", path[-1], (allowed or {}).get(table, []))
        return InputError(f"{where}: {f'[{inside}] ' if inside else ''}{line}")
    if problem["type"] == "missing":
        return InputError(f"{where}: {key}: missing, but it is required")
    message = problem["msg"].removeprefix("Value error, ").removeprefix("value: ")
    got = "" if problem["type"] == "value_error" else f" (got {problem['input']!r})"
    return InputError(f"{where}: {key + ': ' if key else ''}{message}{got}")


def _written(path: list[str], allowed: dict[str, list[str]]) -> tuple[str, list[str]]:
    """Return the name of the innermost table of a path, and the path as its keys are written.

    A table of which there are kinds, each with keys of its own (``architecture.energy``), has its
    kind in the path, but nobody wrote it there.
    """
    table, written = "", []
    for part in path:
        inner = f"{table}.{part}".lstrip(".")
        if not part or part in allowed.get(table, ()) or inner not in allowed:
            written.append(part)
        if inner in allowed or part in allowed.get(table, ()):
            table = inner
    return table, written

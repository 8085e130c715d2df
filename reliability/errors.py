"""What the user is told when an input cannot be right: one line, with the nearest valid name."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class InputError(ValueError):
    """A specification, file or argument that cannot be right.

    The message is one line that names the key, what it got and what is allowed. The command line
    prints it without a traceback and ends with exit code 2.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class RunError(RuntimeError):
    """Parts of a study that could not be computed; the command line ends with exit code 1."""


def unknown_name(kind: str, got: str, allowed: Iterable[str]) -> InputError:
    """Build the error for a name that does not exist, with the nearest one that does.

    >>> str(unknown_name("network", "spirt", ["spirit"]))
    "unknown network 'spirt'; did you mean 'spirit'? allowed: spirit"
    """
    names = sorted(allowed)
    near = get_close_matches(got, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return InputError(f"unknown {kind} {got!r}{hint} allowed: {', '.join(names)}")


def from_validation(
    error: Any, where: str, allowed: dict[str, list[str]] | None = None
) -> InputError:
    """Turn the first problem of a pydantic ``ValidationError`` into one line.

    Parameters
    ----------
    error : pydantic.ValidationError
    where : str
        File or object that the keys belong to.
    allowed : dict of str to list of str, optional
        Valid keys of each table (``""`` is the top), for the nearest name.
    """
    problem = error.errors(include_url=False)[0]
    path = [str(part) for part in problem["loc"]]
    key = ".".join(path)
    if problem["type"] == "extra_forbidden":
        table = ".".join(part for part in path[:-1] if not part.isdigit())
        line = unknown_name("key", path[-1], (allowed or {}).get(table, []))
        return InputError(f"{where}: {f'[{table}] ' if table else ''}{line}")
    if problem["type"] == "missing":
        return InputError(f"{where}: {key}: missing, but it is required")
    message = problem["msg"].removeprefix("Value error, ").removeprefix("value: ")
    got = "" if "got " in message else f" (got {problem['input']!r})"
    return InputError(f"{where}: {key + ': ' if key else ''}{message}{got}")

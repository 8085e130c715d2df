"""What was read, what could not be read and where: rows counted, bad ones located by line."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from reliability.errors import InputError

_KEPT_MESSAGES = 20
_KEPT_RANGES = 1000
_KEPT_EVIDENCE = 60


def printable(text: str) -> str:
    """Return a text from a file without characters that a terminal would obey.

    >>> printable("lot \\x1b[31m7")
    'lot ?[31m7'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "?" for char in text)


@dataclass
class Log:
    """Counts and places of one reading; nothing is dropped without an entry here.

    Parameters
    ----------
    rows : int
        Rows of data seen, good and bad.
    blank : int
        Empty lines and comment lines.
    bad : int
        Rows that could not be used.
    overrange : int
        Values at the instrument's overflow code (9.9e37 and beyond, SCPI-99) or infinite, kept as
        missing.
    messages : list of str
        What is wrong or was assumed.
    evidence : list of str
        Why the file was read as it was: its layout, and for each quantity its column.
    """

    rows: int = 0
    blank: int = 0
    bad: int = 0
    overrange: int = 0
    messages: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    _ranges: list[list[int]] = field(default_factory=list)
    _unlisted: int = 0
    _unshown: int = 0

    def reject(self, lines: ArrayLike, message: str) -> None:
        """Count bad rows and note where they are.

        Parameters
        ----------
        lines : array_like of int, shape (n,)
            Line numbers in the file (row numbers in a sheet, record numbers in a binary file).
        message : str
            What is wrong with the first of them.
        """
        numbers = np.atleast_1d(np.asarray(lines, dtype=np.int64))
        if numbers.size == 0:
            return
        self.bad += numbers.size
        self.note(f"line {numbers[0]}: {message}", more=numbers.size - 1)
        for number in np.sort(numbers).tolist():
            if self._ranges and number == self._ranges[-1][1] + 1:
                self._ranges[-1][1] = number
            elif len(self._ranges) < _KEPT_RANGES:
                self._ranges.append([number, number])
            else:
                self._unlisted += 1

    def note(self, message: str, more: int = 0) -> None:
        """Keep a message, the first of its kind; ``more`` others are only counted in it."""
        if len(self.messages) < _KEPT_MESSAGES:
            message = printable(message)
            self.messages.append(f"{message} (and {more} more)" if more > 0 else message)

    def explain(self, sentence: str) -> None:
        """Keep what a column was taken for and why; beyond sixty they are only counted."""
        if len(self.evidence) < _KEPT_EVIDENCE:
            self.evidence.append(printable(sentence))
        else:
            self._unshown += 1
            more = f"and {self._unshown} more columns"
            self.evidence[_KEPT_EVIDENCE:] = [more]

    def take(self, other: "Log", where: str) -> None:
        """Add the bad rows and messages of a part that was read with a log of its own."""
        self.bad += other.bad
        for message in other.messages:
            self.note(f"{where}, {message}")
        for low, high in other._ranges:
            if len(self._ranges) < _KEPT_RANGES:
                self._ranges.append([low, high])
            else:
                self._unlisted += high - low + 1
        self._unlisted += other._unlisted

    def check(self, name: str, rows: bool = True) -> None:
        """Refuse a file that has no rows, or of which most are bad."""
        if not rows or 2 * self.bad > self.rows:
            first = self.messages[0] if self.messages else "it has no rows"
            raise InputError(f"{name}: {self.bad} of {self.rows} rows are bad; {first}")

    def bad_lines(self) -> str:
        """Return the bad lines as ranges.

        >>> log = Log()
        >>> log.reject([7, 8, 9, 20], "5 fields instead of 7")
        >>> log.bad_lines()
        '7-9, 20'
        """
        merged: list[list[int]] = []
        for low, high in sorted(self._ranges):
            if merged and low <= merged[-1][1] + 1:
                merged[-1][1] = max(high, merged[-1][1])
            else:
                merged.append([low, high])
        parts = [f"{low}-{high}" if high > low else str(low) for low, high in merged]
        if self._unlisted:
            parts.append(f"and {self._unlisted} more")
        return ", ".join(parts)

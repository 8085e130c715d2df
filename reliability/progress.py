"""Progress of a long call on one line: in a terminal or notebook, nowhere else.

The line appears after two seconds and goes away when the call ends. Calls inside a call that shows
its own, and worker processes, show none.
"""

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from reliability.units import duration

Item = TypeVar("Item")
_AFTER, _EVERY = 2.0, 0.3  # s, until the line appears, and between its updates
_showing = Lock()


@contextmanager
def progress(what: str, total: float, show: bool = True) -> Iterator[Callable[[float], None]]:
    """Give a function that is called with how much is done.

    Parameters
    ----------
    what : str
        What is counted: "chips".
    total : float
    show : bool
        False: nothing is shown, by calls inside neither.

    Examples
    --------
    >>> with progress("chips", 2) as done:
    ...     done(1)
    """
    if not _showing.acquire(blocking=False):
        yield lambda count: None
        return
    line = _Line(what, total) if show and _is_watched() else None
    try:
        yield line.update if line else lambda count: None
    finally:
        _showing.release()
        if line:
            line.clear()


def tracked(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Yield items with their progress.

    >>> list(tracked("ab", "letters", 2))
    ['a', 'b']
    """
    with progress(what, total) as done:
        for count, item in enumerate(items, 1):
            done(count)
            yield item


def _is_watched() -> bool:
    """Whether this is the process of a terminal or of a notebook."""
    if multiprocessing.parent_process() is not None:
        return False
    shell = sys.modules.get("IPython")
    kernel = shell is not None and "IPKernelApp" in getattr(shell.get_ipython(), "config", {})
    return kernel or sys.stderr.isatty()


class _Line:
    """A line that is written again and again."""

    def __init__(self, what: str, total: float) -> None:
        self.what, self.total, self.start = what, total, time.monotonic()
        self.written, self.width = self.start + _AFTER - _EVERY, 0

    def update(self, count: float) -> None:
        now = time.monotonic()
        if now < self.written + _EVERY or not count:
            return
        left = (now - self.start) * (self.total / count - 1)
        of = f"{count:.0f} of {self.total:.0f}, " if self.total > 1 else ""
        text = f"{self.what}: {of}{count / self.total:.0%}, "
        text += f"{duration(round(left))} left" if left >= 1 else "ends now"
        print(f"\r{text:<{self.width}}", end="", file=sys.stderr, flush=True)
        self.written, self.width = now, len(text)

    def clear(self) -> None:
        if self.width:
            print(f"\r{'':<{self.width}}\r", end="", file=sys.stderr, flush=True)

"""A cache level: which lines of a trace miss it, and how often each of its lines is written.

Set-associative, least recently used, write-back, write-allocate. A line that is written as a whole
need not be fetched; one that is written in part must.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError


@dataclass(frozen=True, eq=False)
class CacheState:
    """Content of a cache: for each line of it, set by set, most recently used first.

    Attributes
    ----------
    tag : ndarray of int64, shape (sets, ways)
        Line of memory that is held, -1 where none is.
    dirty : ndarray of bool, shape (sets, ways)
    slot : ndarray of int64, shape (sets, ways)
        Which physical line of its set holds it.
    """

    tag: NDArray[np.int64]
    dirty: NDArray[np.bool_]
    slot: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CacheRun:
    """What a trace did to a cache.

    Attributes
    ----------
    accesses, hits, fetched, written_back : int
        Accesses and hits; lines fetched from below and written back to it.
    line : ndarray of int64
        Lines fetched and written back, in order: the trace of the level below.
    kind : ndarray of uint8
        0 for a fetch, 2 for a line that is written back whole (as in `traces.Trace`).
    writes : ndarray of int64, shape (sets * ways,)
        How often each physical line was written: fills and writes from above.
    state : CacheState
        Content at the end.
    """

    accesses: int
    hits: int
    fetched: int
    written_back: int
    line: NDArray[np.int64]
    kind: NDArray[np.uint8]
    writes: NDArray[np.int64]
    state: CacheState


def empty_cache(lines: int, ways: int) -> CacheState:
    """Return a cache of at least ``lines`` lines that holds nothing.

    Examples
    --------
    >>> empty_cache(64, ways=8).tag.shape
    (8, 8)
    """
    if lines < 1 or ways < 1:
        raise InputError(f"cache: got {lines} lines in {ways} ways, expected 1 or more of both")
    ways = min(ways, lines)
    shape = (-(-lines // ways), ways)
    slot = np.broadcast_to(np.arange(ways), shape).copy()
    return CacheState(np.full(shape, -1, np.int64), np.zeros(shape, bool), slot)


def run_cache(line: NDArray[np.int64], kind: NDArray[np.uint8], state: CacheState) -> CacheRun:
    """Send a trace through a cache.

    Parameters
    ----------
    line : ndarray of int64
    kind : ndarray of uint8
        0 read, 1 write of a part of the line, 2 write of the whole line.
    state : CacheState
        Content before; it is not changed.

    Examples
    --------
    A loop over one line more than there are is the worst case: every access misses.

    >>> loop = np.tile(np.arange(5), 10)
    >>> run = run_cache(loop, np.zeros(50, np.uint8), empty_cache(4, ways=4))
    >>> run.hits, run.fetched
    (0, 50)
    """
    tag, dirty, slot = state.tag.copy(), state.dirty.copy(), state.slot.copy()
    writes = np.zeros(tag.shape, np.int64)
    below_line = np.empty(2 * len(line), np.int64)
    below_kind = np.empty(2 * len(line), np.uint8)
    hits, fetched, back, used = _run(
        np.ascontiguousarray(line, dtype=np.int64),
        np.ascontiguousarray(kind, dtype=np.uint8),
        tag, dirty, slot, writes, below_line, below_kind,
    )  # fmt: skip
    return CacheRun(
        len(line), hits, fetched, back,
        below_line[:used].copy(), below_kind[:used].copy(), writes.ravel(),
        CacheState(tag, dirty, slot),
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _run(line, kind, tag, dirty, slot, writes, below_line, below_kind):  # type: ignore[no-untyped-def]
    sets, ways = tag.shape
    hits = fetched = back = used = 0
    for i in range(len(line)):
        address, what = line[i], kind[i]
        s = address % sets
        at = -1
        for w in range(ways):
            if tag[s, w] == address:
                at = w
                break
        hit = at >= 0
        if hit:
            hits += 1
            was_dirty, place = dirty[s, at], slot[s, at]
        else:
            at = ways - 1  # the least recently used, or one that is free
            place = slot[s, at]
            if tag[s, at] >= 0 and dirty[s, at]:
                back += 1
                below_line[used], below_kind[used] = tag[s, at], 2
                used += 1
            if what < 2:
                fetched += 1
                below_line[used], below_kind[used] = address, 0
                used += 1
                writes[s, place] += 1
            was_dirty = False
        if what > 0:
            writes[s, place] += 1
        for w in range(at, 0, -1):
            tag[s, w], dirty[s, w], slot[s, w] = tag[s, w - 1], dirty[s, w - 1], slot[s, w - 1]
        tag[s, 0], dirty[s, 0], slot[s, 0] = address, was_dirty or what > 0, place
    return hits, fetched, back, used

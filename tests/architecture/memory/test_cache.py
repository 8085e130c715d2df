"""The compiled cache against an obvious one, and what any such cache conserves."""

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reliability as rel
from reliability.architecture.memory.cache import empty_cache, run_cache


class Obvious:
    """Sets as ordered dictionaries from line to dirty; the oldest entry comes first."""

    def __init__(self, sets: int, ways: int) -> None:
        self.sets = [OrderedDict() for _ in range(sets)]
        self.ways = ways
        self.hits = self.fetched = self.back = 0
        self.below: list[tuple[int, int]] = []

    def access(self, line: int, kind: int) -> None:
        held = self.sets[line % len(self.sets)]
        if line in held:
            self.hits += 1
            dirty = held.pop(line)
        else:
            if len(held) == self.ways:
                old, was_dirty = held.popitem(last=False)
                if was_dirty:
                    self.back += 1
                    self.below.append((old, 2))
            if kind < 2:
                self.fetched += 1
                self.below.append((line, 0))
            dirty = False
        held[line] = dirty or kind > 0


accesses = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), max_size=200)


@given(trace=accesses, sets=st.integers(1, 5), ways=st.integers(1, 6), cut=st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_as_the_obvious_cache_does(trace, sets, ways, cut) -> None:
    obvious = Obvious(sets, ways)
    for line, kind in trace:
        obvious.access(line, kind)
    state, below, hits, fetched, back, writes = empty_cache(sets * ways, ways), [], 0, 0, 0, 0
    for part in (trace[:cut], trace[cut:]):  # in two goes, as inferences follow one another
        run = run_cache(
            np.array([line for line, _ in part], np.int64),
            np.array([kind for _, kind in part], np.uint8),
            state,
        )
        state = run.state
        below += list(zip(run.line.tolist(), run.kind.tolist(), strict=True))
        hits, fetched, back = hits + run.hits, fetched + run.fetched, back + run.written_back
        writes += int(run.writes.sum())
    assert (hits, fetched, back) == (obvious.hits, obvious.fetched, obvious.back)
    assert below == obvious.below
    # conserved: a physical line is written by each fetch and by each write from above
    assert writes == fetched + sum(kind > 0 for _, kind in trace)
    content = {int(tag) for tag in state.tag.ravel() if tag >= 0}
    assert content == {line for held in obvious.sets for line in held}
    assert sorted(state.slot[0]) == list(range(state.slot.shape[1]))


@given(trace=accesses)
@settings(max_examples=25, deadline=None)
def test_a_larger_cache_without_sets_never_misses_more(trace) -> None:
    line = np.array([line for line, _ in trace], np.int64)
    kind = np.array([kind for _, kind in trace], np.uint8)
    runs = [run_cache(line, kind, empty_cache(n, n)) for n in (1, 2, 4, 8, 16, 64)]
    hits = [run.hits for run in runs]
    assert hits == sorted(hits)
    assert [run.written_back for run in runs][-1] == 0  # all fit
    assert hits[-1] == len(trace) - len(set(line.tolist()))


def test_the_state_before_is_kept() -> None:
    state = empty_cache(4, 2)
    run_cache(np.arange(8), np.full(8, 1, np.uint8), state)
    assert (state.tag == -1).all()
    assert not state.dirty.any()


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(rel.InputError, match="got 0 lines in 8 ways"):
        empty_cache(0, 8)

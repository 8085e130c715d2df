"""Compiled part of `reliability.devices.unstable_cells`."""

import math

from numba import njit


@njit(cache=True, nogil=True)
def move(  # type: ignore[no-untyped-def]
    initial, target, spread, unstable, rare, jump, stretch, table, maximum, floor, out
):  # pragma: no cover
    """Write the conductance of each cell, in double precision whatever the cells have."""
    last = table.shape[1] - 1
    for i in range(len(initial)):
        level = float(target[i if len(target) > 1 else 0])
        place = min(max(level / maximum, 0.0), 1.0) * last
        k = min(int(place), last - 1)
        part = place - k
        g = float(initial[i])
        wide = stretch[i if len(stretch) > 1 else 0]
        sigma = wide * (table[1, k] + part * (table[1, k + 1] - table[1, k]))
        v = table[0, k] + part * (table[0, k + 1] - table[0, k]) + sigma * spread[i]
        limit = table[2, k] + part * (table[2, k + 1] - table[2, k])
        if rare[i] < table[5, k] + part * (table[5, k + 1] - table[5, k]):
            v += maximum * 0.5 * math.erfc(-jump[i] * 0.7071067811865476)
        elif unstable[i] < limit:
            down = wide * (table[3, k] + part * (table[3, k + 1] - table[3, k]))
            up = wide * (table[4, k] + part * (table[4, k + 1] - table[4, k]))
            u = 0.5 * math.erfc(-jump[i] * 0.7071067811865476)
            fraction = down / (down + up)
            if u < fraction:
                lost = math.exp(-g / down)
                v += g + down * math.log(lost + (1.0 - lost) * u / fraction)
            else:
                above = 0.5 * math.erfc(jump[i] * 0.7071067811865476)
                v += g - up * math.log(above * (down + up) / up)
        else:
            v += g
        if v < floor:
            v = floor * math.exp(v / floor - 1.0)
        out[i] = v

"""Compiled kernels: a resistive line as a ladder, and conjugate gradients between the two layers.

Notation. Cell (i, j) has conductance ``G``; word line i has the node voltages ``w[i, :]``, bit line
j the voltages ``b[:, j]``; a cell carries ``G (w - b) + c`` from word to bit line, ``c`` a given
current (zero for linear cells). A line is a ladder: looking from one end towards the other,

    Y_j = G_j + t_{j+1} Y_{j+1},   t_j = 1 / (1 + R_j Y_j),   J_j = s_j + t_{j+1} J_{j+1},
    v_j = t_j (v_{j-1} + R_j J_j)

with ``Y`` the conductance and ``J`` the short-circuit current that segment j of resistance ``R_j``
sees behind it, ``s_j`` the current injected at node j. Nothing is subtracted, so voltages are
accurate to rounding for every ratio of line to cell resistance, and R = 0 needs no special case;
an unconnected end is a resistance of ``OPEN`` ohm.

Eliminating w leaves ``S b = f`` with ``S = M - G A^-1 G``, where A holds all word-line ladders and
M all bit-line ladders. ``M^-1 S b = b - M^-1 G A^-1 G b`` takes one sweep along the word lines and
one along the bit lines, and its eigenvalues lie in (0, 1] [1]_: conjugate gradients in the inner
product of M converge in a few steps.

.. [1] L. A. Hageman, D. M. Young, Applied Iterative Methods, Academic Press 1981, ch. 9 (the
   reduced system of a two-cyclic matrix).
"""

# mypy: disallow-untyped-defs=False

import numpy as np
from numba import njit, types
from numba.extending import overload

OPEN = 1e30  # ohm; an end that nothing is connected to
_ROUNDING = 4e-16


def at(value, i, j):
    """Element (i, j) of an array, or the number that stands for a uniform array."""
    return value[i, j] if isinstance(value, np.ndarray) else value


@overload(at)
def _at(value, i, j):
    if isinstance(value, types.Array):
        return lambda value, i, j: value[i, j]
    return lambda value, i, j: value


_jit = njit(nogil=True, cache=True, fastmath={"contract", "reassoc"}, error_model="numpy")


@_jit
def word_ladder(G, R, near, far, t):
    """Fill t (m, n) of every word line; near and far (m,) are the resistances of the two ends."""
    m, n = G.shape
    for top in range(m - 1, -1, -4):  # four rows at once hide the latency of the division
        i0, i1, i2, i3 = top, max(top - 1, 0), max(top - 2, 0), max(top - 3, 0)
        y0, y1 = G[i0, n - 1] + 1 / far[i0], G[i1, n - 1] + 1 / far[i1]
        y2, y3 = G[i2, n - 1] + 1 / far[i2], G[i3, n - 1] + 1 / far[i3]
        for j in range(n - 1, 0, -1):
            t0, t1 = 1 / (1 + at(R, i0, j) * y0), 1 / (1 + at(R, i1, j) * y1)
            t2, t3 = 1 / (1 + at(R, i2, j) * y2), 1 / (1 + at(R, i3, j) * y3)
            t[i0, j], t[i1, j], t[i2, j], t[i3, j] = t0, t1, t2, t3
            y0, y1 = G[i0, j - 1] + t0 * y0, G[i1, j - 1] + t1 * y1
            y2, y3 = G[i2, j - 1] + t2 * y2, G[i3, j - 1] + t3 * y3
        t[i0, 0], t[i1, 0] = 1 / (1 + near[i0] * y0), 1 / (1 + near[i1] * y1)
        t[i2, 0], t[i3, 0] = 1 / (1 + near[i2] * y2), 1 / (1 + near[i3] * y3)


@_jit
def bit_ladder(G, R, near, far, t):
    """Fill t (m, n) of every bit line; near is the top end (row 0), far the bottom end."""
    m, n = G.shape
    y = np.empty(n)
    for j in range(n):
        y[j] = G[m - 1, j] + 1 / far[j]
    for i in range(m - 1, 0, -1):
        row, up = t[i], G[i - 1]
        for j in range(n):
            row[j] = 1 / (1 + at(R, i, j) * y[j])
        for j in range(n):
            y[j] = up[j] + row[j] * y[j]
    row = t[0]
    for j in range(n):
        row[j] = 1 / (1 + near[j] * y[j])


@_jit
def _word_rows(i0, i1, i2, i3, G, R, t, near, v_near, j_far, b, c, w):
    """Voltages w (4, n) of four word lines for given bit-line voltages b (m, n)."""
    n = G.shape[1]
    k = n - 1
    a0 = j_far[i0] + (G[i0, k] * b[i0, k] - at(c, i0, k))
    a1 = j_far[i1] + (G[i1, k] * b[i1, k] - at(c, i1, k))
    a2 = j_far[i2] + (G[i2, k] * b[i2, k] - at(c, i2, k))
    a3 = j_far[i3] + (G[i3, k] * b[i3, k] - at(c, i3, k))
    w[0, k], w[1, k], w[2, k], w[3, k] = a0, a1, a2, a3
    for j in range(n - 2, -1, -1):
        a0 = (G[i0, j] * b[i0, j] - at(c, i0, j)) + t[i0, j + 1] * a0
        a1 = (G[i1, j] * b[i1, j] - at(c, i1, j)) + t[i1, j + 1] * a1
        a2 = (G[i2, j] * b[i2, j] - at(c, i2, j)) + t[i2, j + 1] * a2
        a3 = (G[i3, j] * b[i3, j] - at(c, i3, j)) + t[i3, j + 1] * a3
        w[0, j], w[1, j], w[2, j], w[3, j] = a0, a1, a2, a3
    v0 = t[i0, 0] * (v_near[i0] + near[i0] * a0)
    v1 = t[i1, 0] * (v_near[i1] + near[i1] * a1)
    v2 = t[i2, 0] * (v_near[i2] + near[i2] * a2)
    v3 = t[i3, 0] * (v_near[i3] + near[i3] * a3)
    w[0, 0], w[1, 0], w[2, 0], w[3, 0] = v0, v1, v2, v3
    for j in range(1, n):
        v0 = t[i0, j] * v0 + t[i0, j] * at(R, i0, j) * w[0, j]
        v1 = t[i1, j] * v1 + t[i1, j] * at(R, i1, j) * w[1, j]
        v2 = t[i2, j] * v2 + t[i2, j] * at(R, i2, j) * w[2, j]
        v3 = t[i3, j] * v3 + t[i3, j] * at(R, i3, j) * w[3, j]
        w[0, j], w[1, j], w[2, j], w[3, j] = v0, v1, v2, v3


@_jit
def word_voltages(G, R, t, near, v_near, j_far, b, c, rows, w):
    """Fill w (m, n), exact for the bit-line voltages b."""
    m, n = G.shape
    for top in range(m - 1, -1, -4):
        low = max(top - 3, 0)
        _word_rows(
            top, max(top - 1, 0), max(top - 2, 0), low, G, R, t, near, v_near, j_far, b, c, rows
        )
        for i in range(top, low - 1, -1):
            for j in range(n):
                w[i, j] = rows[top - i, j]


@_jit
def bit_voltages(G, R, t, near, v_near, j_far, w, c, b):
    """Fill b (m, n), exact for the word-line voltages w."""
    m, n = G.shape
    for i in range(m - 1, -1, -1):
        J, g, v = b[i], G[i], w[i]
        for j in range(n):
            J[j] = g[j] * v[j] + at(c, i, j)
        if i == m - 1:
            for j in range(n):
                J[j] += j_far[j]
        else:
            below, passing = b[i + 1], t[i + 1]
            for j in range(n):
                J[j] += passing[j] * below[j]
    J, passing = b[0], t[0]
    for j in range(n):
        J[j] = passing[j] * (v_near[j] + near[j] * J[j])
    for i in range(1, m):
        J, above, passing = b[i], b[i - 1], t[i]
        for j in range(n):
            J[j] = passing[j] * above[j] + passing[j] * at(R, i, j) * J[j]


@_jit
def _direction(G, Rw, tw, near, tb, g_near, g_inner, g_far, z, p, H, beta, zero, rows):
    """p <- z + beta p; H <- the upward half of M^-1 G A^-1 G p; return p'S p."""
    m, n = G.shape
    total = 0.0
    for top in range(m - 1, -1, -4):
        low = max(top - 3, 0)
        for i in range(top, low - 1, -1):
            new, step = z[i], p[i]
            if beta == 0:
                for j in range(n):
                    step[j] = new[j]
            else:
                for j in range(n):
                    step[j] = new[j] + beta * step[j]
        _word_rows(
            top, max(top - 1, 0), max(top - 2, 0), low, G, Rw, tw, near, zero, zero, p, 0.0, rows
        )
        for i in range(top, low - 1, -1):
            y, g, step, h = rows[top - i], G[i], p[i], H[i]
            part = 0.0
            for j in range(n):  # p'S p as the power lost in cells and lines: no cancellation
                part += g[j] * step[j] * (step[j] - y[j])
            for j in range(n):
                y[j] *= g[j]
            if i == m - 1:
                for j in range(n):
                    part += g_far[j] * step[j] * step[j]
                    h[j] = y[j]
            else:
                below, passing, lower = p[i + 1], tb[i + 1], H[i + 1]
                for j in range(n):
                    part += at(g_inner, i + 1, j) * (below[j] - step[j]) ** 2
                for j in range(n):
                    h[j] = y[j] + passing[j] * lower[j]
            total += part
    step = p[0]
    part = 0.0
    for j in range(n):
        part += g_near[j] * step[j] * step[j]
    return total + part


@_jit
def _advance(G, Rb, tb, near, g_near, g_inner, g_far, H, p, z, b, alpha, h):
    """b += alpha p; z -= alpha (p - M^-1 G A^-1 G p), from the half in H; return z'M z."""
    m, n = G.shape
    total = 0.0
    for i in range(m):
        half, passing, step, rest, total_b = H[i], tb[i], p[i], z[i], b[i]
        if i == 0:
            for j in range(n):
                h[j] = passing[j] * near[j] * half[j]
        else:
            for j in range(n):
                h[j] = passing[j] * h[j] + passing[j] * at(Rb, i, j) * half[j]
        for j in range(n):
            total_b[j] += alpha * step[j]
        for j in range(n):
            rest[j] -= alpha * (step[j] - h[j])
        total += _row_norm(G, g_near, g_inner, g_far, z, i)
    return total


@_jit
def _row_norm(G, g_near, g_inner, g_far, z, i):
    """Part of z'M z that row i and the segments above it add."""
    m, n = G.shape
    g, row = G[i], z[i]
    part = 0.0
    for j in range(n):
        part += g[j] * row[j] * row[j]
    if i == 0:
        for j in range(n):
            part += g_near[j] * row[j] * row[j]
    else:
        last = z[i - 1]
        for j in range(n):
            part += at(g_inner, i, j) * (row[j] - last[j]) ** 2
    if i == m - 1:
        for j in range(n):
            part += g_far[j] * row[j] * row[j]
    return part


@_jit
def correct(
    G, Rw, Rb, tw, tb, wnear, bnear, g_near, g_inner, g_far, z, b, factor, limit, p, H, rows
):
    """Conjugate gradients on ``M^-1 S e = z``, adding e to b; stop at ``factor`` of the start.

    z (m, n) is ``M^-1 (f - S b)`` on entry and is overwritten. Returns the number of iterations.
    """
    m, n = G.shape
    zero, h = np.zeros(m), np.empty(n)
    rho = 0.0
    for i in range(m):
        rho += _row_norm(G, g_near, g_inner, g_far, z, i)
    goal, beta = rho * factor**2, 0.0
    for count in range(limit):
        if not rho > goal or rho <= 1e-290:
            return count
        power = _direction(G, Rw, tw, wnear, tb, g_near, g_inner, g_far, z, p, H, beta, zero, rows)
        if not power > 0:
            return count
        new = _advance(G, Rb, tb, bnear, g_near, g_inner, g_far, H, p, z, b, rho / power, h)
        beta, rho = new / rho, new
    return limit


@_jit
def imbalance(G, c, w, b, z):
    """z <- z - b; return the largest relative error of Kirchhoff's law of a column, less rounding.

    The state (w, z) obeys the law on the bit lines; on the word lines, w being exact for b, a
    cell's current is wrong by G (z - b), here summed over each column and divided by the sum of its
    cell currents.
    """
    m, n = G.shape
    wrong, rounding, current = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(m):
        g, v, old, new = G[i], w[i], b[i], z[i]
        for j in range(n):
            current[j] += abs(g[j] * (v[j] - new[j]) + at(c, i, j))
        for j in range(n):
            rounding[j] += g[j] * (abs(v[j]) + abs(old[j]))
        for j in range(n):
            new[j] -= old[j]
            wrong[j] += g[j] * abs(new[j])
    worst, largest = 0.0, 0.0
    for j in range(n):
        largest = max(largest, rounding[j])
    for j in range(n):  # what floats carries rounding only, its own and a trace of its neighbours'
        excess = wrong[j] - _ROUNDING * rounding[j] - 1e-20 * largest
        if not excess <= 0:
            worst = max(worst, excess / current[j] if current[j] > 0 else np.inf)
    return worst


@_jit
def solve_vector(G, c, Rw, Rb, ends, ladders, word_v, bit_v, tolerance, limit, w, b, work):
    """Solve one array for one input vector, from the start value b; fill w and b.

    ends = (word near, word far, bit near, bit far resistances, 1/Rb, 1/bit near, 1/bit far);
    ladders = (tw, tb); word_v (m,) and bit_v (n,) are the voltages behind the ends; work,
    three arrays (m, n), is overwritten. Return the residual of `imbalance` and the iterations.
    """
    word_near, word_far, bit_near, bit_far, g_inner, g_near, g_far = ends
    tw, tb = ladders
    z, p, H, rows = work[0], work[1], work[2], np.empty((4, G.shape[1]))
    m, n = G.shape
    word_far_j, bit_far_j = np.empty(m), np.empty(n)
    for i in range(m):
        word_far_j[i] = word_v[i] / word_far[i]
    for j in range(n):
        bit_far_j[j] = bit_v[j] / bit_far[j]
    spent = 0
    for _ in range(12):
        word_voltages(G, Rw, tw, word_near, word_v, word_far_j, b, c, rows, w)
        bit_voltages(G, Rb, tb, bit_near, bit_v, bit_far_j, w, c, z)
        residual = imbalance(G, c, w, b, z)
        if residual <= tolerance or spent >= limit:
            break
        factor = max(0.1 * tolerance / residual, 1e-14)
        spent += correct(
            G, Rw, Rb, tw, tb, word_near, bit_near, g_near, g_inner, g_far, z, b,
            factor, limit - spent, p, H, rows,
        )  # fmt: skip
    for i in range(m):
        for j in range(n):
            b[i, j] += z[i, j]
    return residual, spent


@_jit
def column_and_row_sums(G, c, w, b, out, into):
    """Sum the cell currents: over each column into out (n,), over each row into ``into`` (m,)."""
    m, n = G.shape
    for j in range(n):
        out[j] = 0.0
    for i in range(m):
        row = 0.0
        for j in range(n):
            current = G[i, j] * (w[i, j] - b[i, j]) + at(c, i, j)
            out[j] += current
            row += current
        into[i] = row


@_jit
def solve_part(G, which, Rw, Rb, ends, word_v, bit_v, tasks, tolerance, limit, work, result):
    """Solve linear arrays one after the other: the part of one thread.

    G (c, m, n) holds the arrays, which (arrays,) the one that each uses; word_v (arrays, k, m) and
    bit_v (arrays, n); tasks (t, 2) are pairs (array, vector), those of an array together; work,
    seven arrays (m, n), is overwritten; result = (out, into, residual, steps, w, b, cell current),
    the last three of size 0 if not wanted.
    """
    left, right, top, bottom, g_inner, g_top, g_bottom = ends
    out, into, residual, steps, W, B, C = result
    m, n = G.shape[1], G.shape[2]
    tw, tb, w, b = work[0], work[1], work[2], work[3]
    last = -1
    for task in range(tasks.shape[0]):
        a, k = tasks[task, 0], tasks[task, 1]
        g = G[which[a]]
        if a != last:
            word_ladder(g, Rw, left[a], right[a], tw)
            bit_ladder(g, Rb, top[a], bottom[a], tb)
            last = a
        for i in range(m):
            for j in range(n):
                b[i, j] = 0.0
        own = (left[a], right[a], top[a], bottom[a], g_inner, g_top[a], g_bottom[a])
        residual[a, k], steps[a, k] = solve_vector(
            g, 0.0, Rw, Rb, own, (tw, tb), word_v[a, k], bit_v[a], tolerance, limit, w, b, work[4:]
        )
        column_and_row_sums(g, 0.0, w, b, out[a, k], into[a, k])
        if W.size:
            for i in range(m):
                for j in range(n):
                    W[a, k, i, j], B[a, k, i, j] = w[i, j], b[i, j]
                    C[a, k, i, j] = g[i, j] * (w[i, j] - b[i, j])

"""Compiled kernels: all nodes of a linear crossbar eliminated, what is left joins its terminals.

Node k of a network of conductances goes by the star-mesh transformation: between each two of its
neighbours ``G_ij += G_ik G_kj / sum_j G_kj``, ground being a neighbour like any other. All terms
are positive, so every coupling is right to rounding whatever the ratio of line to cell resistance
[1]_. One volt on terminal i then drives the current ``G_ij`` into terminal j at 0 V.

The array is halved along its longer side down to blocks of a few cells, whose nodes go except for
those beside a cut. Two halves are joined by eliminating the nodes beside the cut between them:
O(n^3) operations for n x n cells (nested dissection [2]_), almost all in products of matrices.

A block is a symmetric matrix of couplings, of which only what lies above the diagonal is used. Its
last rows are the block's ports, on the left, the right, the top, the bottom, and ground. At a cut
along columns the ports are the word-line nodes before it, along rows the bit-line nodes above it;
at the edge of the array they are the terminals in use.

.. [1] W. K. Grassmann, M. I. Taksar, D. P. Heyman, Oper. Res. 33, 1107 (1985),
   doi:10.1287/opre.33.5.1107: the pivot is the sum of the couplings, never a difference.
.. [2] A. George, SIAM J. Numer. Anal. 10, 345 (1973), doi:10.1137/0710032.
"""

# mypy: disallow-untyped-defs=False

import numpy as np
from numba import njit

_LEAF = 4  # cells along a side of the smallest blocks
_PANEL = 32  # nodes eliminated together
_CHUNK = 256  # columns that stay in the first cache

_jit = njit(nogil=True, cache=True, fastmath={"contract", "reassoc"}, error_model="numpy")


@_jit
def eliminate(N, count):
    """Eliminate the first nodes of the network N (size, size), couplings above the diagonal."""
    over = np.empty((_PANEL, N.shape[0]))  # rows of the panel over their pivots
    part = np.empty((_PANEL, _CHUNK))
    for start in range(0, count, _PANEL):
        end = min(start + _PANEL, count)
        _panel(N, start, end, over)
        _update(N, start, end, over, part)


@_jit
def _panel(N, start, end, over):
    """Eliminate some nodes from their own rows."""
    # Counters from 0 on, slices for the rest: a counter that might be negative costs the vectors.
    for k in range(start, end):
        after = k + 1
        row = N[k, after:]
        for q in range((k - start) // 4 * 4, k - start):
            a = N[start + q, k]
            for j in range(row.size):
                row[j] += a * over[q, after + j]
        for q in range(0, (k - start) // 4 * 4, 4):
            s = start + q
            a, b, c, d = N[s, k], N[s + 1, k], N[s + 2, k], N[s + 3, k]
            for j in range(row.size):
                row[j] += (a * over[q, after + j] + b * over[q + 1, after + j]
                           + c * over[q + 2, after + j] + d * over[q + 3, after + j])  # fmt: skip
        pivot = row.sum()
        inverse, own = 1 / pivot if pivot > 0 else 0.0, over[k - start, after:]
        for j in range(row.size):
            own[j] = row[j] * inverse


@_jit
def _update(N, start, end, over, part):
    """Add what these nodes leave between those after them: ``N += over' rows``."""
    size, many = N.shape[0], end - start
    padded = -(-many // 8) * 8
    over[many:padded] = 0.0
    part[many:padded] = 0.0
    for left in range(end, size, _CHUNK):
        wide = min(_CHUNK, size - left)
        for k in range(many):
            row = N[start + k, left : left + wide]
            for j in range(wide):
                part[k, j] = row[j]
        for i in range(end, left + wide):
            s = max(i - left, 0)
            row = N[i, left + s : left + wide]
            for k in range(0, padded, 8):
                a, b, c, d = over[k, i], over[k + 1, i], over[k + 2, i], over[k + 3, i]
                e, f, g, h = over[k + 4, i], over[k + 5, i], over[k + 6, i], over[k + 7, i]
                for j in range(row.size):
                    row[j] += (
                        a * part[k, s + j] + b * part[k + 1, s + j] + c * part[k + 2, s + j]
                        + d * part[k + 3, s + j] + e * part[k + 4, s + j] + f * part[k + 5, s + j]
                        + g * part[k + 6, s + j] + h * part[k + 7, s + j]
                    )  # fmt: skip


@_jit
def _ports(circuit, place):
    """Number of ports of a block on the left, the right, the top and the bottom."""
    (m, n), used, ended = circuit[0].shape, circuit[4], circuit[5]
    r0, r1, c0, c1 = place
    rows, columns = max(min(used[0], r1) - r0, 0), max(min(used[1], c1) - c0, 0)
    left = r1 - r0 if c0 > 0 else rows * ended[0]
    right = r1 - r0 if c1 < n else rows * ended[1]
    top = c1 - c0 if r0 > 0 else columns * ended[2]
    bottom = c1 - c0 if r1 < m else columns * ended[3]
    return left, right, top, bottom


@_jit
def _join(N, a, b, conductance):
    N[min(a, b), max(a, b)] += conductance


@_jit
def _few_cells(circuit, place):
    """Block of so few cells that all nodes but the ports are eliminated at once."""
    G, words, bits, leads, _, ended = circuit
    (m, n), (r0, r1, c0, c1) = G.shape, place
    high, wide = r1 - r0, c1 - c0
    left, right, top, bottom = _ports(circuit, place)
    words_gone = wide if c1 == n else wide - 1  # of a word line: the last one is a port
    bits_gone = high if r1 == m else high - 1
    first_bit = high * words_gone
    at_left = first_bit + wide * bits_gone
    at_right, at_top = at_left + left, at_left + left + right
    at_bottom, ground = at_top + top, at_top + top + bottom
    N = np.zeros((ground + 1, ground + 1))
    for i in range(high):
        before = at_left + i if i < left else ground
        for j in range(wide):
            word = i * words_gone + j if j < words_gone else at_right + i
            if j > 0 or c0 > 0:
                _join(N, before, word, words[r0 + i, c0 + j])
            elif ended[0]:
                _join(N, before, word, leads[0][r0 + i])
            bit = first_bit + i * wide + j if i < bits_gone else at_bottom + j
            _join(N, word, bit, G[r0 + i, c0 + j])
            before = word
        if c1 == n and ended[1]:
            _join(N, before, at_right + i if i < right else ground, leads[1][r0 + i])
    for j in range(wide):
        before = at_top + j if j < top else ground
        for i in range(high):
            bit = first_bit + i * wide + j if i < bits_gone else at_bottom + j
            if i > 0 or r0 > 0:
                _join(N, before, bit, bits[r0 + i, c0 + j])
            elif ended[2]:
                _join(N, before, bit, leads[2][c0 + j])
            before = bit
        if r1 == m and ended[3]:
            _join(N, before, at_bottom + j if j < bottom else ground, leads[3][c0 + j])
    eliminate(N, at_left)
    return N


@_jit
def _add(A, ports, N, to):
    """Add the couplings of a block to N; ``to`` is where its five groups of ports lie there."""
    sizes = (ports[0], ports[1], ports[2], ports[3], 1)
    own = A.shape[0] - (ports[0] + ports[1] + ports[2] + ports[3] + 1)
    for p in range(5):
        other = own
        for q in range(p, 5):
            for i in range(sizes[p]):
                s = i + 1 if p == q else 0
                row = A[own + i, other + s : other + sizes[q]]
                if to[p] <= to[q]:
                    goal = N[to[p] + i, to[q] + s : to[q] + sizes[q]]
                    for j in range(row.size):
                        goal[j] += row[j]
                else:
                    for j in range(row.size):
                        N[to[q] + j, to[p] + i] += row[j]
            other += sizes[q]
        own += sizes[p]


@_jit
def _joined(A, of_a, B, of_b, upright):
    """Two blocks as one, the second below the first (upright) or to the right of it."""
    la, ra, ta, ba = of_a
    lb, rb, tb, bb = of_b
    if upright:
        cut, left, right, top, bottom = ba, la + lb, ra + rb, ta, bb
    else:
        cut, left, right, top, bottom = ra, la, rb, ta + tb, ba + bb
    at_right, at_top = cut + left, cut + left + right
    at_bottom, ground = at_top + top, at_top + top + bottom
    N = np.zeros((ground + 1, ground + 1))
    if upright:
        _add(A, of_a, N, (cut, at_right, at_top, 0, ground))
        _add(B, of_b, N, (cut + la, at_right + ra, 0, at_bottom, ground))
    else:
        _add(A, of_a, N, (cut, 0, at_top, at_bottom, ground))
        _add(B, of_b, N, (0, at_right, at_top + ta, at_bottom + ba, ground))
    eliminate(N, cut)
    return N


@_jit
def _halves(place):
    """Two halves of a block along its longer side, and whether one lies below the other."""
    r0, r1, c0, c1 = place
    if r1 - r0 > c1 - c0:
        cut = (r0 + r1 + 1) // 2
        return (r0, cut, c0, c1), (cut, r1, c0, c1), True
    cut = (c0 + c1 + 1) // 2
    return (r0, r1, c0, cut), (r0, r1, cut, c1), False


@_jit
def _array(circuit):
    """Block of all cells."""
    m, n = circuit[0].shape
    # A list of what is left to do takes the place of recursion, which numba cannot cache.
    to_do, done = [((0, m, 0, n), False)], [np.zeros((0, 0)) for _ in range(0)]
    while len(to_do) > 0:
        place, halves_are_done = to_do.pop()
        first, second, upright = _halves(place)
        if halves_are_done:
            B, A = done.pop(), done.pop()
            done.append(_joined(A, _ports(circuit, first), B, _ports(circuit, second), upright))
        elif max(place[1] - place[0], place[3] - place[2]) <= _LEAF:
            done.append(_few_cells(circuit, place))
        else:
            to_do.append((place, True))
            to_do.append((second, False))
            to_do.append((first, False))
    return done.pop()


@_jit
def transfer_matrix(G, words, bits, leads, used, ended):
    """Current into each bit line from one volt on each word line, all others at 0 V.

    G (m, n) are the cells, words (m, n + 1) and bits (m + 1, n) the segments, leads the way to the
    terminals on the left (m,), the right (m,), the top (n,) and the bottom (n,), all in S and
    finite; ended says which of the four there are, used how many word and bit lines, from the
    first, have terminals of their own (the others are at 0 V). Returns an array of shape used, S.
    """
    m, n = G.shape
    circuit = (G, words, bits, leads, used, ended)
    N = _array(circuit)
    left, right, top, bottom = _ports(circuit, (0, m, 0, n))
    at_left = N.shape[0] - (left + right + top + bottom + 1)
    at_right, at_top = at_left + left, at_left + left + right
    at_bottom = at_top + top
    out = np.zeros(used)
    for i in range(used[0]):
        for j in range(used[1]):
            for word, is_driven in ((at_left, ended[0]), (at_right, ended[1])):
                for bit, is_sensed in ((at_top, ended[2]), (at_bottom, ended[3])):
                    if is_driven and is_sensed:
                        out[i, j] += N[word + i, bit + j]
    return out

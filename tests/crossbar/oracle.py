"""A second solution of the same circuit: nodal analysis with a general sparse or dense solver."""

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.linalg import splu


def nodal_matrix(
    g, *, word=1.0, bit=1.0, source=0.0, sense_r=0.0, drive="left", sense="bottom"
) -> tuple[sp.csc_matrix, list[tuple[str, int, int, float]]]:
    """Conductance matrix of the nodes (words first) and its ports (kind, line, node, S).

    Line resistances must be positive, ``inf`` is an open segment.
    """
    m, n = g.shape
    word = np.broadcast_to(np.asarray(word, float), (m, n + 1))
    bit = np.broadcast_to(np.asarray(bit, float), (m + 1, n))
    source, sense_r = np.broadcast_to(source, (m,)), np.broadcast_to(sense_r, (n,))
    node = np.arange(m * n).reshape(m, n)
    a, b, c = [], [], []

    def join(x, y, conductance):
        a.extend(np.ravel(x)), b.extend(np.ravel(y)), c.extend(np.ravel(conductance))

    join(node[:, :-1], node[:, 1:], 1 / word[:, 1:n])
    join(m * n + node[:-1], m * n + node[1:], 1 / bit[1:m])
    join(node, m * n + node, g)
    ports = []
    for i in range(m):
        if drive != "right":
            ports.append(("word", i, node[i, 0], 1 / (word[i, 0] + source[i])))
        if drive != "left":
            ports.append(("word", i, node[i, -1], 1 / (word[i, n] + source[i])))
    for j in range(n):
        if sense != "bottom":
            ports.append(("bit", j, m * n + node[0, j], 1 / (bit[0, j] + sense_r[j])))
        if sense != "top":
            ports.append(("bit", j, m * n + node[-1, j], 1 / (bit[m, j] + sense_r[j])))
    a, b, c = np.array(a), np.array(b), np.array(c)
    p = np.array([x[2] for x in ports])
    pc = np.array([x[3] for x in ports])
    rows = np.concatenate([a, b, a, b, p])
    cols = np.concatenate([a, b, b, a, p])
    data = np.concatenate([c, c, -c, -c, pc])
    return sp.csc_matrix((data, (rows, cols)), shape=(2 * m * n, 2 * m * n)), ports


def nodal_solution(g, v, *, bit_v=0.0, method="sparse", **circuit):
    """Output currents (n,), word and bit voltages (m, n), with iterative refinement.

    method "pseudo" also takes circuits with parts that nothing ties to a voltage.
    """
    m, n = g.shape
    matrix, ports = nodal_matrix(g, **circuit)
    rhs = np.zeros(2 * m * n)
    bit_v = np.broadcast_to(bit_v, (n,))
    for kind, line, node, conductance in ports:
        rhs[node] += conductance * (v[line] if kind == "word" else bit_v[line])
    if method == "dense":
        factor = scipy.linalg.lu_factor(matrix.toarray())
        solve = lambda r: scipy.linalg.lu_solve(factor, r)  # noqa: E731
    elif method == "pseudo":
        inverse = np.linalg.pinv(matrix.toarray(), rcond=1e-15, hermitian=True)
        solve = inverse.__matmul__
    else:
        solve = splu(matrix).solve
    x = solve(rhs)
    for _ in range(2):
        x += solve(rhs - matrix @ x)
    w, b = x[: m * n].reshape(m, n), x[m * n :].reshape(m, n)
    return (g * (w - b)).sum(axis=0), w, b

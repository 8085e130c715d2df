"""LSTM, GRU and RNN as products: the weights of the inputs, and those of the state in a loop.

The loop is a Scan whose body holds one product of the state and its matrix, so that the same cells
are read at every step. Results are those of the operators; equations and orders of gates as in the
specification of ONNX (https://onnx.ai/onnx/operators/onnx__LSTM.html, GRU and RNN likewise).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network.deep.onnx_constants import Constants
from reliability.network.deep.onnx_writer import Writer, attributes_of, inputs_of
from reliability.network.deep.runtime import onnx_package

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_DEFAULTS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
_ACTIVATIONS = {name.lower(): name for name in ("Relu", "Tanh", "Sigmoid", "Softsign", "Softplus")}

# doc_string of the Scan that a recurrent layer becomes.
STEPS = "steps of a recurrent layer"


class _Direction(NamedTuple):
    """One direction of a layer: matrices (rows, outputs), biases, functions."""

    operator: str
    name: str
    source: tuple[str, str]  # names of its weights
    of_input: NDArray[np.float32]
    of_state: NDArray[np.float32]
    bias: NDArray[np.float32]  # (2, outputs): of the input's and of the state's products
    functions: list[str]
    reverse: bool
    reset_first: bool  # GRU: the state is reset before its product


def products_of_steps(node: Any, writer: Writer, known: Constants, name: str) -> bool:
    """Write a recurrent layer as products and a loop over its steps.

    Parameters
    ----------
    node : NodeProto
    writer : Writer
        Takes the nodes that stand for it.
    known : Constants
    name : str
        Of the node; its products are ``name.input`` and ``name.state``.

    Returns
    -------
    bool
        False: it is another operator.

    Raises
    ------
    InputError
        Weights that are no constants, peepholes, lengths of sequences, clipping, other activations.
    """
    if node.op_type not in _GATES:
        return False
    held = attributes_of(node)
    given = inputs_of(node, 8)
    for at, what in ((4, "lengths of sequences"), (7, "peepholes")):
        if given[at]:
            raise InputError(f"it has {what}")
    for what in ("clip", "input_forget", "layout"):
        if held.get(what):
            raise InputError(f"{what} = {held[what]:g}")
    directions = _directions(node, held, known, name)
    hidden = directions[0].of_state.shape[0]
    states = [given[5], given[6]] if node.op_type == "LSTM" else [given[5]]
    finals: list[list[str]] = [[] for _ in states]
    steps = []
    for number, direction in enumerate(directions):
        start = [_start(writer, given[0], state, number, hidden) for state in states]
        every, last = _loop(writer, known, direction, given[0], start)
        steps.append(writer.add("Unsqueeze", [every, writer.constant([1], np.int64)]))
        for group, state in zip(finals, last, strict=True):
            group.append(writer.add("Unsqueeze", [state, writer.constant([0], np.int64)]))
    for group, axis, output in zip((steps, *finals), (1, 0, 0), node.output, strict=False):
        if output:
            writer.add("Concat", group, output, axis=axis)
    return True


def _directions(node: Any, held: dict, known: Constants, name: str) -> list[_Direction]:
    operator, gates = node.op_type, _GATES[node.op_type]
    if any(source not in known.tensors for source in node.input[1:3]):
        raise InputError("its weights are not constants")
    w, r = (known.array(source) for source in node.input[1:3])
    if w.ndim != 3 or r.ndim != 3 or w.shape[1] != gates * r.shape[2] or r.shape[:2] != w.shape[:2]:
        raise InputError(f"weights of shapes {w.shape} and {r.shape}")
    count, outputs, _ = w.shape
    bias = np.zeros((count, 2 * outputs), np.float32)
    if len(node.input) > 3 and node.input[3]:
        if node.input[3] not in known.tensors:
            raise InputError("its bias is no constant")
        bias = known.array(node.input[3])
    names = [n.decode() for n in held.get("activations", [])] or [*_DEFAULTS[operator]] * count
    if unknown := [n for n in names if n.lower() not in _ACTIVATIONS]:
        raise InputError(f"the activation {unknown[0]}")
    functions = np.array([_ACTIVATIONS[n.lower()] for n in names]).reshape(count, -1)
    kind = held.get("direction", b"forward").decode()
    return [
        _Direction(
            operator,
            name if not d else f"{name}.backward",
            (node.input[1], node.input[2]),
            w[d].T,
            r[d].T,
            bias[d].reshape(2, outputs),
            functions[d].tolist(),
            kind == "reverse" or d == 1,
            operator == "GRU" and not held.get("linear_before_reset"),
        )
        for d in range(count)
    ]


def _start(writer: Writer, x: str, state: str, number: int, hidden: int) -> str:
    """State of one direction before the first step, (batch, hidden)."""
    if state:
        return writer.add("Gather", [state, writer.constant(number, np.int64)], axis=0)
    ends = [writer.constant([k], np.int64) for k in (1, 2)]
    batch = writer.add("Slice", [writer.add("Shape", [x]), *ends])
    shape = writer.add("Concat", [batch, writer.constant([hidden], np.int64)], axis=0)
    zero = onnx_package().numpy_helper.from_array(np.zeros(1, np.float32))
    return writer.add("ConstantOfShape", [shape], value=zero)


def _loop(
    writer: Writer, known: Constants, direction: _Direction, x: str, start: list[str]
) -> tuple[str, list[str]]:
    """Outputs at every step, (step, batch, hidden), and the last states of one direction."""
    onnx = onnx_package()
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    bias = direction.bias[0].copy()
    gru = direction.operator == "GRU"
    hidden = direction.of_state.shape[0]
    # but for the GRU's last gate, whose reset comes between, both biases are added at once
    bias[: 2 * hidden if gru else None] += direction.bias[1][: 2 * hidden if gru else None]
    weights = known.derived(writer, direction.source[0], direction.of_input)
    y = writer.add("MatMul", [x, weights], name=f"{direction.name}.input")
    y = writer.add("Add", [y, writer.constant(bias)])
    body = Writer(f"{writer.name()}::step")
    states = [f"{body.prefix}::state {k}" for k in range(len(start))]
    step = f"{body.prefix}::input"

    def product(state: str, columns: slice, part: str) -> str:
        matrix = known.derived(writer, direction.source[1], direction.of_state[:, columns])
        return body.add("MatMul", [state, matrix], name=f"{direction.name}.{part}")

    after = _STEPS[direction.operator](body, direction, step, states, product)
    ends = [*after, body.add("Identity", [after[0]])]
    graph = helper.make_graph(
        body.nodes,
        "step",
        [helper.make_tensor_value_info(name, real, None) for name in (*states, step)],
        [helper.make_tensor_value_info(name, real, None) for name in ends],
    )
    outputs = [f"{body.prefix}::end {k}" for k in range(len(ends))]
    back = [int(direction.reverse)]
    writer.nodes.append(
        helper.make_node(
            "Scan",
            [*start, y],
            outputs,
            doc_string=STEPS,
            body=graph,
            num_scan_inputs=1,
            scan_input_directions=back,
            scan_output_directions=back,
        )
    )
    return outputs[-1], outputs[:-1]


def _gates(body: Writer, y: str, hidden: int, count: int) -> list[str]:
    """Cut (batch, gates of hidden) into its gates."""
    cuts = ((k * hidden, (k + 1) * hidden, -1) for k in range(count))
    ends = [[body.constant([v], np.int64) for v in cut] for cut in cuts]
    return [body.add("Slice", [y, *each]) for each in ends]


def _lstm(body: Writer, d: _Direction, step: str, states: list[str], product: Any) -> list[str]:
    hidden = d.of_state.shape[0]
    f, g, h = d.functions
    y = body.add("Add", [step, product(states[0], slice(None), "state")])
    first, last, forget, new = _gates(body, y, hidden, 4)
    kept = body.add("Mul", [body.add(f, [forget]), states[1]])
    taken = body.add("Mul", [body.add(f, [first]), body.add(g, [new])])
    cell = body.add("Add", [kept, taken])
    return [body.add("Mul", [body.add(f, [last]), body.add(h, [cell])]), cell]


def _gru(body: Writer, d: _Direction, step: str, states: list[str], product: Any) -> list[str]:
    hidden = d.of_state.shape[0]
    f, g = d.functions
    update, reset, new = _gates(body, step, hidden, 3)
    bias = body.constant(d.bias[1][2 * hidden :])
    if d.reset_first:
        own = _gates(body, product(states[0], slice(0, 2 * hidden), "state"), hidden, 2)
        r = body.add(f, [body.add("Add", [reset, own[1]])])
        shown = body.add("Mul", [r, states[0]])
        third = body.add("Add", [product(shown, slice(2 * hidden, None), "reset_state"), bias])
    else:
        own = _gates(body, product(states[0], slice(None), "state"), hidden, 3)
        r = body.add(f, [body.add("Add", [reset, own[1]])])
        third = body.add("Mul", [r, body.add("Add", [own[2], bias])])
    z = body.add(f, [body.add("Add", [update, own[0]])])
    candidate = body.add(g, [body.add("Add", [new, third])])
    # (1 - z) candidate + z state
    difference = body.add("Sub", [states[0], candidate])
    return [body.add("Add", [candidate, body.add("Mul", [z, difference])])]


def _rnn(body: Writer, d: _Direction, step: str, states: list[str], product: Any) -> list[str]:
    y = body.add("Add", [step, product(states[0], slice(None), "state")])
    return [body.add(d.functions[0], [y])]


_STEPS = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}

"""Memory that a graph takes: tensors that live at once, for one image."""

import numpy as np

from reliability.errors import whole_number
from reliability.network.deep.images import Images, at, images_of, run_batches
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.onnx_writer import needs
from reliability.network.deep.runtime import Session, onnx_package

# Of the tensors of one worker that live at once: onnxruntime, which keeps freed memory in blocks of
# its own, was seen to take up to 1.6 times as much, so that 256 MiB hold it.
BYTES = 160 * 2**20
_MOST = 250  # images: a larger batch gains nothing


def batch_of(
    network: DeepNetwork,
    graph: bytes,
    weights: dict[str, np.ndarray],
    inputs: Images,
    batch: int | None = None,
) -> int:
    """Return how many images run at once: those whose tensors take at most 256 MiB.

    Parameters
    ----------
    network : DeepNetwork
    graph : bytes
        That is executed.
    weights : dict of str to ndarray
        Its inputs besides the images.
    inputs : dict
        Images, of which one is run.
    batch : int, optional
        Instead, as the caller wants it.

    Returns
    -------
    int
        1 to 250, that of the file where it fixes one.
    """
    if network.batch is not None:
        return network.batch
    if batch is not None:
        return whole_number(batch, "batch", 1)
    one = bytes_of_image(network, graph, weights, inputs)
    return int(np.clip(BYTES // max(one, 1), 1, min(_MOST, images_of(inputs))))


def bytes_of_image(
    network: DeepNetwork, graph: bytes, weights: dict[str, np.ndarray], inputs: Images
) -> int:
    """Return the most bytes of tensors that live at once while one image is run.

    A tensor lives from the node that makes it to the last that takes it; outputs are copied at the
    end.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> images = {net.input_name: np.zeros((1, 1, 28, 28), np.float32)}
    >>> bytes_of_image(net, net.model.SerializeToString(), {}, images)
    50216
    """
    onnx = onnx_package()
    model = onnx.load_model_from_string(graph)
    nodes = [node for node in model.graph.node if node.op_type != "Constant"]
    kept = {value.name for value in model.graph.output}
    names = [name for node in nodes for name in node.output if name and name not in kept]
    order = [*(value.name for value in model.graph.output), *names]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    ran = next(iter(run_batches(Session(model.SerializeToString(), weights), network, {},
                                at(inputs, slice(1)), 1)))  # fmt: skip
    size = {name: array.nbytes for name, array in zip(order, ran.outputs, strict=True)}
    last = {name: k for k, node in enumerate(nodes) for name in needs(node)}
    live = most = 0
    for k, node in enumerate(nodes):
        live += sum(size.get(name, 0) for name in node.output)
        most = max(most, live)
        gone = {name for name in (*needs(node), *node.output) if last.get(name, k) == k}
        live -= sum(size.get(name, 0) for name in gone if name not in kept)
    return most + sum(size.get(name, 0) for name in kept)

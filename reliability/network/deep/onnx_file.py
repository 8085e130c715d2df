"""An ONNX file as data from somebody else.

Tensors that it keeps outside its own folder, or that declare another size than the file holds, are
refused before anything is allocated for them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reliability.errors import InputError
from reliability.network.deep.onnx_normal import as_float32, sort_nodes
from reliability.network.deep.runtime import onnx_package

_LARGEST = 2**31 - 1  # bytes of a file, which is what its format can hold
# Least value of each number of a convolution or pooling, and the most of all of them.
_LOWEST = {"strides": 1, "dilations": 1, "kernel_shape": 1, "group": 1, "pads": 0}
_WIDEST = 1_000_000
_LONGEST = 1000  # characters of a path
_OPSET = 13  # from here on the operators that the executed graph adds have one form
# Types of less than a byte, with their bits.
_PACKED = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}


def read_model(path: Path) -> Any:
    """Return the model of an ONNX file, whole and valid, of an operator set that is known.

    Raises
    ------
    InputError
        Not an ONNX file or cut short; tensors outside the file's folder, or of another size than
        the file holds; a model that is not valid or can't be converted.
    """
    onnx = onnx_package()
    where = str(path)
    if "\0" in where or not path.is_file():
        raise InputError(f"network: no file {where!r}")
    if path.stat().st_size > _LARGEST:
        raise InputError(f"{where}: got {path.stat().st_size} bytes, allowed {_LARGEST}")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except Exception:  # protobuf's own kinds, not importable by name from onnx
        raise InputError(f"{where}: not an ONNX file, or cut short") from None
    if not model.HasField("graph") or not model.graph.node:
        raise InputError(f"{where}: not an ONNX file, or cut short: it has no graph")
    if not model.graph.output:
        raise InputError(f"{where}: the graph has no output")
    for owner, tensor in _tensors(model):
        _hold(tensor, owner, path.resolve().parent, where)
    for node in _nodes(model):
        _check_windows(node, where)
    sort_nodes(model.graph)
    model = _checked(model, where)
    try:
        as_float32(model)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return model


def _nodes(model: Any) -> Iterator[Any]:
    """Yield every node of a model, those of inner graphs and of functions included."""
    left = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    while left:
        node = left.pop()
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                left += graph.node


def _check_windows(node: Any, where: str) -> None:
    """Refuse steps and windows of a convolution or pooling that divide by zero elsewhere."""
    for attribute in node.attribute:
        low = _LOWEST.get(attribute.name)
        if low is None:
            continue
        for value in (*attribute.ints, *([attribute.i] if attribute.name == "group" else [])):
            if not low <= value <= _WIDEST:
                raise InputError(
                    f"{where}: {node.op_type} {node.name!r}: {attribute.name}: got {value}, "
                    f"allowed {low} to {_WIDEST}"
                )


def _checked(model: Any, where: str) -> Any:
    """Return the model, valid and of a version whose operators are known."""
    onnx = onnx_package()
    try:
        onnx.checker.check_model(model)
        version = max(s.version for s in model.opset_import if s.domain in ("", "ai.onnx"))
        if version < _OPSET:
            model = onnx.version_converter.convert_version(model, _OPSET)
    except Exception as error:  # the checker's and the converter's own kinds
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"{where}: not a valid ONNX model: {first}") from None
    return model


def _tensors(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield every tensor of a model, those of inner graphs included, with what it belongs to."""
    graphs = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while graphs or nodes:
        if graphs:
            graph = graphs.pop()
            nodes += graph.node
            for tensor in graph.initializer:
                yield f"tensor {tensor.name!r}", tensor
            for sparse in graph.sparse_initializer:
                yield f"sparse tensor {sparse.values.name!r}", sparse.values
                yield f"sparse tensor {sparse.values.name!r}", sparse.indices
            continue
        node = nodes.pop()
        for attribute in node.attribute:
            owner = f"{node.op_type} {node.name!r}"
            if attribute.HasField("t"):
                yield owner, attribute.t
            yield from ((owner, tensor) for tensor in attribute.tensors)
            graphs += [attribute.g] if attribute.HasField("g") else []
            graphs += attribute.graphs


def _hold(tensor: Any, owner: str, folder: Path, where: str) -> None:
    """Take a tensor's bytes into the model, and refuse it if they are not what it declares."""
    onnx = onnx_package()
    kinds = onnx.TensorProto
    if tensor.data_location == kinds.EXTERNAL:
        _embed(tensor, owner, folder, where)
    if tensor.data_type in (kinds.UNDEFINED, kinds.STRING):
        return  # the checker's business; no weight is one
    if tensor.data_type not in kinds.DataType.values():
        raise InputError(f"{where}: {owner}: unknown type of numbers {tensor.data_type}")
    count = 1
    for size in tensor.dims:
        if size < 0:
            raise InputError(f"{where}: {owner}: got a size of {size}")
        count *= size
    itemsize = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    packed = _PACKED.get(kinds.DataType.Name(tensor.data_type))
    bits = packed or 8 * itemsize
    if tensor.HasField("raw_data"):
        held, declared = len(tensor.raw_data), -(-count * bits // 8)
        unit = "bytes"
    else:
        field = getattr(tensor, onnx.helper.tensor_dtype_to_field(tensor.data_type))
        pairs = tensor.data_type in (kinds.COMPLEX64, kinds.COMPLEX128)
        held, declared = len(field), -(-count * bits // 8) if packed else count * (1 + pairs)
        unit = "numbers"
    if held != declared:
        raise InputError(
            f"{where}: {owner}: declares shape {tuple(tensor.dims)}, which is {declared} {unit}, "
            f"but the file holds {held}"
        )


def _embed(tensor: Any, owner: str, folder: Path, where: str) -> None:
    """Read a tensor that lies in another file of the model's own folder."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    named = location and "\0" not in location and len(location) < _LONGEST
    file = (folder / location).resolve() if named else folder  # follows links
    if not named or not file.is_relative_to(folder):
        raise InputError(
            f"{where}: {owner}: its data lie in {location!r}, outside the folder of the model"
        )
    try:
        if not file.is_file():
            raise InputError(f"{where}: {owner}: no file {location!r} beside the model")
        offset = int(entries.get("offset", 0))
        size = file.stat().st_size
        length = int(entries.get("length", size - offset))
    except InputError:
        raise
    except ValueError:
        raise InputError(f"{where}: {owner}: offset and length are not numbers") from None
    except OSError as error:  # a part of the path is too long for the disk
        raise InputError(f"{where}: {owner}: {location[:60]!r}: {error.strerror}") from None
    if offset < 0 or length < 0 or offset + length > size:
        raise InputError(
            f"{where}: {owner}: declares bytes {offset} to {offset + length} of {location!r}, "
            f"which holds {size}"
        )
    with file.open("rb") as data:
        data.seek(offset)
        tensor.raw_data = data.read(length)
    tensor.ClearField("external_data")
    tensor.data_location = onnx_package().TensorProto.DEFAULT

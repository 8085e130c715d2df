"""The packages onnx and onnxruntime, loaded when a network needs them.

A session runs on one thread, so that a result does not depend on how many there are; chips run
side by side, each in its own call.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError

_BOUND = "bound"  # name of the file, in memory, that bound inputs lie in


def onnx_package() -> Any:
    """Import onnx, or say how to install it."""
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError:
        raise InputError(
            "ONNX networks need the packages onnx and onnxruntime; install the extra: "
            "pip install 'rram-reliability[onnx]'"
        ) from None
    return onnx


class Session:
    """A graph that is ready to run.

    Parameters
    ----------
    model : bytes
        A serialised ONNX model.
    bound : mapping of str to ndarray of float32, optional
        Inputs that are the same in every run. They become constants, which onnxruntime lays out for
        speed: binding costs some milliseconds, a convolution then takes a third of the time.
    """

    def __init__(self, model: bytes, bound: Mapping[str, NDArray[Any]] | None = None) -> None:
        onnx_package()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.enable_mem_pattern = (
            False  # a plan of all tensors, kept beside them: twice the memory
        )
        self._held = b""  # the bytes must live as long as the session
        if bound:
            model, self._held = _bind(model, bound)
            options.add_external_initializers_from_files_in_memory(
                [_BOUND], [self._held], [len(self._held)]
            )
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's kinds have no common base
            raise InputError(f"network: onnxruntime can't load it: {_first_line(error)}") from None

    def run(self, values: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return all outputs for the inputs by name."""
        try:
            return list(self._session.run(None, values))
        except Exception as error:
            raise InputError(f"network: onnxruntime can't run it: {_first_line(error)}") from None


def _bind(model: bytes, values: Mapping[str, NDArray[Any]]) -> tuple[bytes, bytes]:
    """Return the model with inputs turned into tensors of a file, and the content of that file."""
    onnx = onnx_package()
    proto = onnx.load_model_from_string(model)
    inputs = list(proto.graph.input)
    for position in reversed(range(len(inputs))):
        if inputs[position].name in values:
            del proto.graph.input[position]
    offset = 0
    for name, array in values.items():
        tensor = proto.graph.initializer.add(
            name=name, data_type=onnx.TensorProto.FLOAT, dims=array.shape
        )
        tensor.data_location = onnx.TensorProto.EXTERNAL
        where = {"location": _BOUND, "offset": offset, "length": array.nbytes}
        for key, value in where.items():
            tensor.external_data.add(key=key, value=str(value))
        offset += array.nbytes
    content = b"".join(array.astype(np.float32, copy=False).tobytes() for array in values.values())
    return proto.SerializeToString(), content


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

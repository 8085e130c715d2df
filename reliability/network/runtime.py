"""The packages onnx and onnxruntime, loaded when a network needs them.

A session runs on one thread, so that a result does not depend on how many there are; chips run
side by side, each in its own call.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from reliability.errors import InputError


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
    """

    def __init__(self, model: bytes) -> None:
        onnx_package()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
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


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

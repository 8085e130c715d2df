"""A torch module as an ONNX model, by torch's own exporter."""

import sys
import warnings
from collections.abc import Collection
from io import BytesIO
from typing import Any

from reliability.errors import InputError

_OPSET = 17


def is_torch_module(network: Any) -> bool:
    """Return whether something is a torch module, without importing torch.

    >>> is_torch_module("spirit")
    False
    """
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(network, torch.nn.Module)


def onnx_of_module(module: Any, input_shape: Collection[int] | None) -> bytes:
    """Return the ONNX model of a torch module in evaluation mode, its batch open.

    Parameters
    ----------
    module : torch.nn.Module
        Its state is left as it is.
    input_shape : collection of int
        Of one image.

    Raises
    ------
    InputError
        No shape, or a module that torch can't run on it or can't export.

    Examples
    --------
    ``onnx_of_module(torch.nn.Linear(4, 2), (4,))``
    """
    import torch

    if input_shape is None:
        raise InputError("input_shape: a torch module needs the shape of one image: (3, 32, 32)")
    first = next(module.parameters(), None)
    like = {} if first is None else {"dtype": first.dtype, "device": first.device}
    images = torch.zeros((2, *input_shape), **like)
    training, file = [m.training for m in module.modules()], BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter, about itself
            torch.onnx.export(
                module.eval(), (images,), file, dynamo=False, opset_version=_OPSET,
                input_names=["inputs"], output_names=["outputs"],
                dynamic_axes={"inputs": {0: "batch"}, "outputs": {0: "batch"}},
            )  # fmt: skip
    except Exception as error:  # whatever the module's own code raises
        line = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise InputError(
            f"network: torch can't export {type(module).__name__} with images of shape "
            f"{tuple(input_shape)}: {line}"
        ) from None
    finally:
        for part, mode in zip(module.modules(), training, strict=True):
            part.training = mode
    return file.getvalue()

"""Metrics of a network's outputs on each chip."""

import inspect
import pickle
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from reliability.errors import InputError, unknown_name
from reliability.network.results import Values, of_decisions, over_images

Metric = str | Callable[[NDArray[Any], NDArray[Any]], float]
METRICS = ("accuracy", "top5", "agreement", "mse", "f1")
FRACTIONS = ("accuracy", "top5", "agreement", "f1")  # 0 to 1, and 1 is best
_TAKEN = frozenset({  # what a result holds beside its metric
    "weight_error", "reads", "outputs", "confusion", "correct", "spikes", "spikes_quantile",
    "energy", "decision_time", "mean", "low", "high", "chip", "lot", "wafer", "die", "x", "y",
    "radius", "layer", "image", "label", "predicted", "output", "sample", "quantile",
    "energy_model",
})  # fmt: skip
_RESAMPLES = 400  # of the images, for the intervals of f1 and mse


def metric_of(metric: Metric) -> tuple[str, Callable[..., float] | None]:
    """Return the name of a metric, and its function where it is the caller's own.

    Raises
    ------
    InputError
        An unknown name, or a ``module:function`` that can't be imported.

    Examples
    --------
    >>> metric_of("top5")
    ('top5', None)
    >>> metric_of("math:hypot")[0]
    'hypot'
    """
    if callable(metric):
        return _own_name(getattr(metric, "__name__", "metric")), metric
    module, colon, name = str(metric).partition(":")
    if not colon:
        if metric not in METRICS:
            raise unknown_name("metric", str(metric), (*METRICS, "module:function"))
        return metric, None
    try:
        function = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"metric {metric}: {error}") from None
    except Exception as error:  # the caller's own module
        raise InputError(f"metric {metric}: {_line(error)}") from error
    if not callable(function):
        raise InputError(f"metric {metric}: got {type(function).__name__}, expected a function")
    return _own_name(name), function


def _own_name(name: str) -> str:
    """The name of one's own function, refused where it is that of something else in a result."""
    if name in _TAKEN:
        raise InputError(f"metric {name}: results have another {name}: rename the function")
    return name


def signed_metric(metric: Metric) -> tuple[str, Callable[..., float] | None]:
    """Return the name of a metric for a specification, and its function where it is one's own.

    The name of a function holds the start of the SHA-256 of its source, so that results of
    another version of it are not taken for its own: ``module:function@1a2b3c4d5e6f``.

    Raises
    ------
    InputError
        As `metric_of`; a function that other processes can't import by its name.

    Examples
    --------
    >>> signed_metric("f1")
    ('f1', None)
    >>> signed_metric("math:hypot")[0].partition("@")[0]
    'math:hypot'
    """
    name, function = metric_of(metric)
    if function is None:
        return name, None
    module = str(metric).partition(":")[0] if isinstance(metric, str) else metric.__module__
    if isinstance(metric, str):
        return f"{module}:{name}@{_digest(function)}", function
    name = getattr(metric, "__qualname__", name)
    try:
        found = pickle.loads(pickle.dumps(metric))
    except Exception:
        found = None
    if found is None:
        raise InputError(
            f"metric: got {name}, which other processes can't import; expected a function of a "
            "module"
        )
    return f"{module}:{name}@{_digest(metric)}", metric


def named_metric(name: str) -> Callable[..., float]:
    """Return the function of a name of `signed_metric`.

    Raises
    ------
    InputError
        A function that can't be imported, or whose source has changed.
    """
    where, _, digest = name.partition("@")
    _, function = metric_of(where)
    assert function is not None  # the name has a colon
    if _digest(function) != digest:
        raise InputError(f"metric {where}: its source has changed since the study was made")
    return function


def _digest(function: Callable[..., float]) -> str:
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):  # of a compiled module
        text = getattr(function, "__qualname__", type(function).__qualname__)
    return sha256(text.encode()).hexdigest()[:12]


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def measured(
    metric: Metric,
    outputs: NDArray[np.float32],
    target: NDArray[Any] | None,
    ideal: Callable[[], NDArray[np.float32]],
    confidence: float,
) -> Values:
    """Return a metric of each chip, with its interval over images where it is a mean over them.

    Parameters
    ----------
    metric : str or callable
        ``"accuracy"``, ``"top5"``, ``"f1"`` (mean over classes) of labels; ``"agreement"``, the
        fraction of images whose largest output is that of the network in floating point;
        ``"mse"`` against targets of the outputs' shape; ``f(outputs, target) -> float``. Classes
        lie on the last axis of the outputs, of images (image, class, row, column) on the second;
        a network of one output decides between two classes, at 0.5 where all outputs are between
        0 and 1, else at 0.
    outputs : ndarray, shape (chips, images, ...)
    target : ndarray, shape (images, ...), or None
        Labels or targets.
    ideal : callable
        Outputs of the network in floating point, shape (images, ...).
    confidence : float

    Raises
    ------
    InputError
        Outputs or targets that do not go with the metric; a function that fails.
    """
    name, function = metric_of(metric)
    of_ideal = name == "agreement" and function is None
    if of_ideal:
        target = _classes_last(ideal()[None])[0].argmax(axis=-1)
    if target is None:
        raise InputError(f"data: expected 'label' (or targets) for the metric {name}")
    if function is not None:
        return {name: ((), _of_function(name, function, outputs, target), "1")}
    if np.isnan(outputs).any():
        image = np.nonzero(np.isnan(outputs))[1][0]
        raise InputError(f"outputs: got nan of image {image}, the metric {name} takes numbers")
    if name == "mse":
        return _mse(outputs, target, confidence)
    scores = _classes_last(outputs)
    classes = scores.shape[-1]
    if not of_ideal:
        target = _labels(name, outputs.shape[1:], target)
    flat = scores.reshape(len(scores), -1, classes)
    label = target.reshape(-1)
    if name == "accuracy":
        return of_decisions(flat.argmax(axis=-1), label, classes, confidence, len(target))
    if name == "f1":
        return _f1(flat.argmax(axis=-1), label, classes, confidence, len(target))
    if name == "top5":
        own = np.take_along_axis(flat, label[None, :, None], axis=-1)
        right = (flat > own).sum(axis=-1) < min(5, classes)
    else:
        right = flat.argmax(axis=-1) == label
    low, high = over_images(right, len(target), confidence)
    return {
        name: ((), right.mean(axis=1), "1"),
        f"{name}_low": ((), low, "1"),
        f"{name}_high": ((), high, "1"),
    }


def checked_target(
    metric: Metric, shape: tuple[int, ...], target: NDArray[Any] | None
) -> NDArray[Any] | None:
    """Return labels or targets as the metric takes them, or refuse them before any chip is made.

    Parameters
    ----------
    metric : str or callable
    shape : tuple of int
        Of the outputs (images, ...).
    target : ndarray, shape (images, ...), or None
    """
    name, function = metric_of(metric)
    if name == "agreement" and function is None:
        return target
    if target is None:
        raise InputError(f"data: expected 'label' (or targets) for the metric {name}")
    if target.shape[:1] != shape[:1]:
        raise InputError(f"data: got 'label' of shape {target.shape}, expected ({shape[0]}, ...)")
    if function is not None:
        return target
    if name == "mse":
        return _targets(shape, target)
    return _labels(name, shape, target)


def _targets(shape: tuple[int, ...], target: NDArray[Any]) -> NDArray[Any]:
    """Targets that outputs of this shape can be compared with."""
    if target.shape != shape:
        raise InputError(
            f"target: got shape {target.shape}, the network's first output has {shape}"
        )
    if target.dtype.kind not in "fiub" or not np.isfinite(target).all():
        what = "nan or inf" if target.dtype.kind in "fc" else target.dtype
        raise InputError(f"target: got {what}, the metric mse takes finite numbers")
    return target


def _labels(name: str, shape: tuple[int, ...], target: NDArray[Any]) -> NDArray[Any]:
    """Labels that outputs (image, ...) of this shape can be compared with."""
    one = np.broadcast_to(np.float32(0), (1, *shape))
    *expected, classes = _classes_last(one[:, :1]).shape[1:]
    wanted = (shape[0], *expected[1:])
    if target.shape == (*wanted, 1):  # a column of labels, as Keras has them
        target = target[..., 0]
    if target.dtype.kind not in "fiub" or target.shape != wanted:
        how = "; of one-hot labels argmax(axis=-1)" if target.shape == shape else ""
        raise InputError(
            f"label: got {target.dtype} of shape {target.shape}, the metric {name} takes integers "
            f"of shape {wanted}{how}"
        )
    broken = target[~np.isfinite(target) | (target != np.trunc(target))]
    if broken.size:
        raise InputError(f"label: got {broken[0]:g}, the metric {name} takes integers")
    if target.size and not 0 <= target.min() <= target.max() < classes:
        wrong = target.max() if target.min() >= 0 else target.min()
        raise InputError(f"label: got {int(wrong)}, allowed 0 to {classes - 1}")
    return target.astype(np.int64)


def _classes_last(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs with a score of each class on the last axis.

    Outputs (image, class, row, column ...) have their classes first. One number alone is that of
    the second of two classes: a probability where all are between 0 and 1, else a logit.
    """
    if outputs.ndim > 4:
        outputs = np.moveaxis(outputs, 2, -1)
    if outputs.ndim < 3:
        outputs = outputs[..., None]
    if outputs.shape[-1] > 1:
        return outputs
    probable = outputs.min(initial=0) >= 0 and outputs.max(initial=0) <= 1
    middle = np.float32(0.5 if probable else 0.0)
    return np.concatenate([np.broadcast_to(middle, outputs.shape), outputs], axis=-1)


def _mse(outputs: NDArray[np.float32], target: NDArray[Any], confidence: float) -> Values:
    target = _targets(outputs.shape[1:], target)
    images = outputs.shape[1]
    error = (outputs.astype(float) - target.astype(float)) ** 2
    each = error.reshape(len(outputs), images, -1).mean(axis=-1)
    if images < 2:
        return {"mse": ((), each.mean(axis=1), "1")}
    mean, relative = _with_error(each)
    # Squared errors are skewed: bootstrap-t on the logarithm of their mean.
    again, relative_again = _with_error(each, _images_again(images))
    with np.errstate(divide="ignore", invalid="ignore"):  # samples of one image many times
        away = np.log(again / mean[:, None]) / relative_again
    tail = (1 - confidence) / 2
    away = np.column_stack([np.where(relative_again > 0, away, np.nan), np.zeros_like(mean)])
    ends = np.nanquantile(away, [1 - tail, tail], axis=1)
    low, high = mean * np.exp(-ends * relative)
    return {
        "mse": ((), mean, "1"),
        "mse_low": ((), np.minimum(low, mean), "1"),
        "mse_high": ((), np.maximum(high, mean), "1"),
    }


def _with_error(each: NDArray[np.float64], times: NDArray[np.int32] | None = None) -> Any:
    """Mean over images (chips, images) and its relative standard error, of samples of them."""
    images = each.shape[1]
    weight = np.full((images, 1), 1.0) if times is None else times.astype(float)
    mean = each @ weight / images
    variance = np.maximum(each**2 @ weight / images - mean**2, 0.0) / (images - 1)
    relative = np.divide(np.sqrt(variance), mean, out=np.zeros_like(mean), where=mean > 0)
    return (mean[:, 0], relative[:, 0]) if times is None else (mean, relative)


@lru_cache(maxsize=1)
def _images_again(images: int) -> NDArray[np.int32]:
    """How often each image is in each bootstrap sample, shape (images, samples)."""
    random = np.random.default_rng(0)
    drawn = random.multinomial(images, np.full(images, 1 / images), size=_RESAMPLES)
    return drawn.T.astype(np.int32)


def _f1(
    predicted: NDArray[np.integer],
    label: NDArray[np.int64],
    classes: int,
    confidence: float,
    images: int,
) -> Values:
    """Mean over the classes that occur of 2 hits / (predicted + labelled).

    Its interval is that of the percentiles of bootstrap samples of the images, the same for all
    chips.
    """
    times = np.column_stack([np.ones(images, np.int32), _images_again(images)])
    image = np.arange(len(label)) * images // len(label)

    def counted(columns: NDArray[Any], kept: NDArray[Any]) -> NDArray[Any]:
        places = (image, columns)  # several labels of an image add
        return csr_array((kept.astype(int), places), shape=(images, classes)).T @ times

    labelled, every = counted(label, np.ones(len(label))), np.ones(len(label))
    out = np.empty((len(predicted), 1 + _RESAMPLES))
    for chip, row in enumerate(predicted):
        hits, both = counted(label, row == label), labelled + counted(row, every)
        each = np.divide(2 * hits, both, out=np.zeros(both.shape), where=both > 0)
        out[chip] = each.sum(axis=0) / (both > 0).sum(axis=0)
    tail = (1 - confidence) / 2
    low, high = np.quantile(out[:, 1:], [tail, 1 - tail], axis=1)
    value = out[:, 0]
    return {
        "f1": ((), value, "1"),
        "f1_low": ((), np.minimum(low, value), "1"),
        "f1_high": ((), np.maximum(high, value), "1"),
    }


def _of_function(
    name: str,
    function: Callable[..., float],
    outputs: NDArray[np.float32],
    target: NDArray[Any],
) -> NDArray[np.float64]:
    try:
        values = np.array([float(function(one, target)) for one in outputs])
    except Exception as error:  # the caller's own function
        raise InputError(f"metric {name}: {_line(error)}") from error
    if not np.isfinite(values).all():
        wrong = values[~np.isfinite(values)][0]
        raise InputError(f"metric {name}: got {wrong:g}, expected a finite number of each chip")
    return values


def outputs_of(outputs: NDArray[np.float32]) -> Values:
    """Return outputs (chips, images, ...) as a variable of a result.

    >>> outputs_of(np.zeros((2, 5, 3), np.float32))["outputs"][0]
    ('image', 'output')
    """
    more = [f"output_{k}" for k in range(1, outputs.ndim - 1)]
    dims = ("image", *(["output"] if len(more) == 1 else more))
    return {"outputs": (dims, outputs, "1")}

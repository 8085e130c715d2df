"""CIFAR-10 from one's own copy, in the layouts in which it is distributed."""

import io
import pickle
import tarfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError

_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_SHAPE = (3, 32, 32)
_BATCHES = {"train": tuple(f"data_batch_{k}" for k in range(1, 6)), "test": ("test_batch",)}
_IMAGES = (".jpg", ".jpeg", ".png")
_LAYOUTS = (
    "the python version, the binary version, or JPEG or PNG images in SPLIT/CLASS, as a folder or "
    "a tar archive"
)
# Pixels of images (image, 3072) and their labels.
_Batch = tuple[NDArray[np.uint8], NDArray[np.int64]]


@lru_cache(maxsize=2)
def load_cifar10(path: str | Path, split: Literal["train", "test"] = "test") -> xr.Dataset:
    """Load CIFAR-10 from one's own copy; its images do not ship.

    Parameters
    ----------
    path : path
        Folder or tar archive (compressed or not) of the python version (``data_batch_1`` to 5,
        ``test_batch``), of the binary version (the same with ``.bin``), or of JPEG or PNG images
        in ``train/CLASS`` and ``test/CLASS``; these may lie in folders below ``path``.
    split : {"train", "test"}
        50 000 or 10 000 images in the full set.

    Returns
    -------
    Dataset
        ``inputs`` (image, channel, row, column), float32 RGB from 0 to 1; ``label`` (image), the
        place of the class in alphabetical order, as CIFAR-10 numbers them. The order of images is
        that of the files; single images are sorted by class and name.

    Raises
    ------
    InputError
        No such file, none of these layouts, a batch that is missing, a class of another name, a
        file that does not hold images of 32 x 32 pixels.

    Notes
    -----
    The pickles of the python version are read without importing or calling anything that they
    name.

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009),
    https://www.cs.toronto.edu/~kriz/cifar.html

    Examples
    --------
    >>> load_cifar10("cifar-10-binary.tar.gz")["inputs"].shape  # doctest: +SKIP
    (10000, 3, 32, 32)
    """
    if split not in _BATCHES:
        raise InputError(f"split: got {split!r}, allowed: train, test")
    path = Path(path)
    if not path.exists():
        raise InputError(f"data: no file or folder {str(path)!r}")
    try:
        batches = dict(_batches(path, split))
    except tarfile.TarError as error:
        raise InputError(f"data: {str(path)!r} is no folder and no tar archive: {error}") from None
    if not batches:
        raise InputError(f"data: {str(path)!r} has no {split} images of CIFAR-10: need {_LAYOUTS}")
    if set(_BATCHES[split]) & batches.keys():
        missing = [name for name in _BATCHES[split] if name not in batches]
        if missing:
            raise InputError(f"data: {str(path)!r} has no {', '.join(missing)}")
        batches = {name: batches[name] for name in _BATCHES[split]}
    pixels, labels = zip(*(batches[name] for name in sorted(batches)), strict=True)
    return xr.Dataset(
        {
            "inputs": (
                ("image", "channel", "row", "column"),
                np.concatenate(pixels).reshape(-1, *_SHAPE).astype(np.float32) / np.float32(255),
                {"units": "1"},
            ),
            "label": ("image", np.concatenate(labels), {"units": "1"}),
        }
    )


def is_cifar10(path: Path) -> bool:
    """Whether a path is a tar archive, or a folder in one of the layouts of `load_cifar10`."""
    if path.is_file():
        return tarfile.is_tarfile(path)
    places = (path, *(each for each in path.iterdir() if each.is_dir()))
    marks = ("test_batch", "test_batch.bin", f"test/{_CLASSES[0]}")
    return any((place / mark).exists() for place in places for mark in marks)


def _batches(path: Path, split: str) -> Iterator[tuple[str, _Batch]]:
    """Yield what each file of a split holds, by its name."""
    for name, content in _files(path):
        file = PurePosixPath(name)
        if file.stem in _BATCHES[split] and file.suffix in ("", ".bin"):
            read = _binary if file.suffix else _pickled
            key = file.stem
        elif file.suffix.lower() in _IMAGES and file.parts[-3:-2] == (split,):
            read, key = _image, "/".join(file.parts[-2:])
        else:
            continue
        try:
            yield key, read(content(), file)
        except InputError as error:
            raise InputError(f"data: {str(path)!r}: {name}: {error}") from None


def _files(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the files of a folder or archive, and what reads them."""
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file():
                yield file.relative_to(path.parent).as_posix(), file.read_bytes
        return
    with tarfile.open(path) as archive:
        for member in archive:
            held = archive.extractfile(member) if member.isfile() else None
            if held is not None:
                yield member.name, held.read


def _binary(raw: bytes, file: PurePosixPath) -> _Batch:
    """Images of the binary version: a label, then 3072 pixels."""
    size = 1 + int(np.prod(_SHAPE))
    if not raw or len(raw) % size:
        raise InputError(f"got {len(raw)} bytes, expected a multiple of {size}")
    held = np.frombuffer(raw, np.uint8).reshape(-1, size)
    return held[:, 1:], _labels(held[:, 0])


def _image(raw: bytes, file: PurePosixPath) -> _Batch:
    """One image, its class the name of its folder."""
    from PIL import Image

    if file.parent.name not in _CLASSES:
        raise InputError(f"got the class {file.parent.name!r}, allowed: {', '.join(_CLASSES)}")
    try:
        with Image.open(io.BytesIO(raw)) as image:
            pixels = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    except OSError as error:
        raise InputError(f"no image: {error}") from None
    if pixels.shape != _SHAPE:
        raise InputError(f"got an image of shape {pixels.shape}, expected {_SHAPE}")
    return pixels.reshape(1, -1), np.array([_CLASSES.index(file.parent.name)])


class _Inert:
    """What a pickle calls and fills in, kept and not run."""

    def __init__(self, *called: Any) -> None:
        self.called = called

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Unpickler(pickle.Unpickler):
    """Reads plain values, and NumPy arrays as what they were written from."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return lambda text, _: text.encode("latin-1")
        if module.partition(".")[0] == "numpy" and name in ("_reconstruct", "ndarray", "dtype"):
            return _Inert
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _pickled(raw: bytes, file: PurePosixPath) -> _Batch:
    """Images of the python version: a pickled dictionary of an array and a list of labels."""
    try:
        held = _Unpickler(io.BytesIO(raw), encoding="bytes").load()
        found = {k.decode() if isinstance(k, bytes) else k: v for k, v in held.items()}
        _, shape, kind, by_column, buffer = found["data"].state
        if kind.called[0] not in ("u1", b"u1"):
            raise ValueError(f"data of type {kind.called[0]!r}, not of unsigned bytes")
        order: Literal["F", "C"] = "F" if by_column else "C"
        pixels = np.frombuffer(buffer, np.uint8).reshape(shape, order=order)
        labels = _labels(np.array(found["labels"]))
    except InputError:
        raise
    except Exception as error:  # a pickle can go wrong in any way
        raise InputError(f"no batch of CIFAR-10: {type(error).__name__}: {error}") from None
    if pixels.shape != (len(labels), int(np.prod(_SHAPE))):
        raise InputError(f"got pixels of shape {pixels.shape} and {len(labels)} labels")
    return pixels, labels


def _labels(values: NDArray[Any]) -> NDArray[np.int64]:
    """Labels of ten classes, or refuse them."""
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= len(_CLASSES):
        raise InputError(f"labels: expected whole numbers from 0 to {len(_CLASSES) - 1}")
    return values.astype(np.int64)

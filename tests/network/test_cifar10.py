"""CIFAR-10 in the layouts in which it is distributed: the same images from each."""

import os
import pickle
import tarfile

import numpy as np
import pytest

import reliability as rel
from reliability.network.own_data import data_of

RNG = np.random.default_rng(3)
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = {
    name: (RNG.integers(0, 256, (4, 3072), np.uint8), RNG.permutation(10)[:4])
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")
}
PIXELS, LABELS = BATCHES["test_batch"]


def python_2(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    """A batch as the authors' Python 2 wrote it, in protocol 2."""
    raw, n = pixels.tobytes(), len(pixels)
    numbers = b"".join(b"K" + bytes([k]) for k in labels)
    return (
        b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(" + numbers + b"eU\x04dataq\x04"
        b"cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85q\x07U\x01bq"
        b"\x08\x87q\tRq\n(K\x01K" + bytes([n]) + b"M\x00\x0c\x86q\x0bcnumpy\ndtype\nq\x0cU\x02u1q"
        b"\rK\x00K\x01\x87q\x0eRq\x0f(K\x03U\x01|q\x10NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"
        b"q\x11b\x89T" + len(raw).to_bytes(4, "little") + raw + b"tq\x12bu."
    )


def python_3(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    held = {b"labels": labels.tolist(), b"data": pixels, b"batch_label": b"of five"}
    return pickle.dumps(held, protocol=2)


def by_column(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    return python_3(np.asfortranarray(pixels), labels)


def binary(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    return np.concatenate([labels[:, None].astype(np.uint8), pixels], axis=1).tobytes()


def write(folder, how, batches=BATCHES, suffix=""):
    folder.mkdir(parents=True)
    for name, held in batches.items():
        (folder / f"{name}{suffix}").write_bytes(how(*held))
    return folder


def write_images(folder, split="test", pixels=PIXELS, labels=LABELS, classes=CLASSES):
    from PIL import Image

    for k, (row, label) in enumerate(zip(pixels, labels, strict=True)):
        where = folder / split / classes[label]
        where.mkdir(parents=True, exist_ok=True)
        Image.fromarray(row.reshape(3, 32, 32).transpose(1, 2, 0)).save(where / f"{k:04d}.png")
    return folder


def check(found, pixels=PIXELS, labels=LABELS) -> None:
    assert found["inputs"].dtype == np.float32
    assert (found["label"].values == labels).all()
    expected = pixels.reshape(-1, 3, 32, 32) / 255
    np.testing.assert_allclose(found["inputs"].values, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("how", "suffix"), [(python_2, ""), (python_3, ""), (by_column, ""), (binary, ".bin")]
)
def test_batches_from_a_folder_and_from_an_archive(tmp_path, how, suffix) -> None:
    folder = write(tmp_path / "cifar-10-batches", how, suffix=suffix)
    (folder / "batches.meta").write_bytes(b"names of classes")
    archive = tmp_path / "copy.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "cifar-10-batches")
    train = [BATCHES[f"data_batch_{k}"] for k in range(1, 6)]
    for path in (folder, tmp_path, archive):
        check(rel.load_cifar10(path))
        both = (np.concatenate(parts) for parts in zip(*train, strict=True))
        check(rel.load_cifar10(path, "train"), *both)


def test_images_from_a_folder_and_from_an_archive(tmp_path) -> None:
    folder = write_images(tmp_path / "images")
    archive = tmp_path / "images.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(folder, "cifar10")
    by_class = np.argsort(LABELS, kind="stable")
    for path in (folder, archive):
        check(rel.load_cifar10(path), PIXELS[by_class], LABELS[by_class])
        with pytest.raises(rel.InputError, match="no train images of CIFAR-10"):
            rel.load_cifar10(path, "train")


def test_an_evaluation_takes_the_test_images(tmp_path) -> None:
    folder = write(tmp_path / "cifar-10-batches-py", python_2)
    check(data_of(tmp_path, "inputs"))
    check(data_of(str(folder), "inputs"))


class Command:
    def __reduce__(self):
        return os.system, ("touch marked",)


def test_a_pickle_runs_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write(tmp_path / "copy", lambda *held: pickle.dumps({"labels": Command()}))
    with pytest.raises(rel.InputError, match=r"test_batch: no batch of CIFAR-10: .*system"):
        rel.load_cifar10(folder)
    assert not (tmp_path / "marked").exists()


def without(*names):
    return {name: held for name, held in BATCHES.items() if name not in names}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: write(f, python_2, without("data_batch_3")), "no data_batch_3"),
        (lambda f: write(f, lambda *_: b"\x80\x02}."), "KeyError: 'data'"),
        (lambda f: write(f, lambda *_: b""), "no batch of CIFAR-10: EOFError"),
        (lambda f: write(f, lambda *_: b"\x00" * 3000, suffix=".bin"), "multiple of 3073"),
        (lambda f: write(f, lambda p, y: binary(p, y + 9), suffix=".bin"), "from 0 to 9"),
        (lambda f: write(f, lambda p, y: python_3(p[:2], y)), "pixels of shape .* and 4 labels"),
        (lambda f: write(f, lambda p, y: python_3(p[:, :9], y)), r"pixels of shape \(4, 9\)"),
        (lambda f: write(f, lambda p, y: python_3(p / 255.0, y)), "not of unsigned bytes"),
        (lambda f: write_images(f, "train", classes=["plane"] * 10), "class 'plane'"),
    ],
)
def test_a_copy_that_is_none_is_refused(tmp_path, make, message) -> None:
    with pytest.raises(rel.InputError, match=message):
        rel.load_cifar10(make(tmp_path / "copy"), "train")


def test_other_paths_are_refused(tmp_path) -> None:
    with pytest.raises(rel.InputError, match="no file or folder"):
        rel.load_cifar10(tmp_path / "absent")
    with pytest.raises(rel.InputError, match="the python version, the binary version, or"):
        rel.load_cifar10(tmp_path)
    (tmp_path / "file").write_bytes(b"no archive")
    with pytest.raises(rel.InputError, match="no folder and no tar archive"):
        rel.load_cifar10(tmp_path / "file")
    with pytest.raises(rel.InputError, match="split: got 'val'"):
        rel.load_cifar10(tmp_path, "val")
    (tmp_path / "test" / "cat").mkdir(parents=True)
    (tmp_path / "test" / "cat" / "1.png").write_bytes(b"no image")
    with pytest.raises(rel.InputError, match=r"1\.png: no image"):
        rel.load_cifar10(tmp_path)

"""Packed, cut, mis-encoded, empty and wrong files: read, or refused in one clear line."""

import bz2
import gzip
import lzma
import sys
from pathlib import Path

import numpy as np
import pytest

from reliability.errors import InputError
from reliability.measurements import read_measurements
from reliability.measurements.source import encoding_of, open_source, pieces

TABLE = "cell,time [s],G [µS]\n" + "".join(
    f"{c},{t},{50 + c}\n" for c in range(40) for t in (0, 10)
)


def read(path: Path) -> np.ndarray:
    return read_measurements(path)["conductance"].values


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_end_reads_alike(
    tmp_path: Path, encoding: str, newline: str
) -> None:
    path = tmp_path / "reads.csv"
    path.write_bytes(TABLE.replace("\n", newline).encode(encoding))
    values = read(path)
    assert values.shape == (1, 1, 40, 2)
    np.testing.assert_array_equal(values[0, 0, :, 0], (50 + np.arange(40)) / 1e6)


@pytest.mark.parametrize(
    ("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_packed_files_read_and_cut_ones_are_refused(tmp_path: Path, suffix: str, pack) -> None:
    path = tmp_path / f"reads.csv.{suffix}"
    packed = pack(TABLE.encode())
    path.write_bytes(packed)
    assert read(path).shape == (1, 1, 40, 2)
    path.write_bytes(packed[: len(packed) * 2 // 3])
    with pytest.raises(InputError, match=f"reads.csv.{suffix}: .*(too early|cannot be unpacked)"):
        read(path)


def test_a_long_gzip_that_ends_early_names_the_last_good_line(tmp_path: Path) -> None:
    path = tmp_path / "long.tsv.gz"
    text = "".join(f"{i}\t0.0\t{1e4 + i}\t{1 / (1e4 + i)}\t100\n" for i in range(60_000))
    path.write_bytes(gzip.compress(text.encode())[:-100_000])
    with pytest.raises(InputError, match=r"too early, after line \d+ or later; copy it again"):
        read_measurements(path)


def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.gz"
    packed = bytearray(gzip.compress(TABLE.encode()))
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(bytes(packed))
    with pytest.raises(InputError, match=r"bad.gz: "):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"  \n \n", "the file is empty"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 99, "old binary Excel"),
        (b"%PDF-1.7 ...", "PDF"),
        (bytes(range(256)) * 10, "not a text file"),
        (b"PK\x03\x04 not a workbook", "not an Excel workbook"),
        (b"PAR1 nor this", "not a Parquet file"),
        (b"cell,G\n", "a header and no rows of data"),
        (b"hello\nworld\n", "a header and no rows|no measured value|cannot be read"),
    ],
)
def test_wrong_files_give_one_clear_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "wrong.dat"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_measurements(path)
    assert "\n" not in str(caught.value)
    assert "wrong.dat" in str(caught.value)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_measurements(tmp_path / "none.csv")
    with pytest.raises(InputError, match="a folder"):
        read_measurements(tmp_path)


@pytest.mark.parametrize(
    ("module", "start", "extra"),
    [
        ("pystdf.V4", b"\x02\x00\x00\x0a\x02\x04", "stdf"),
        ("openpyxl", b"PK\x03\x04", "excel"),
        ("pyarrow.parquet", b"PAR1", "parquet"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch, module: str, start: bytes, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "file.bin"
    path.write_bytes(start + b"...")
    with pytest.raises(InputError, match=rf"needs {module.split('.')[0]}; .*\[{extra}\]"):
        read_measurements(path)


def test_latin_1_far_inside_a_utf_8_file(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    text = "lot,cell,G\n" + "A,1,1e-6\n" * 20_000
    path.write_bytes(text.encode() + "Zürich,2,2e-6\n".encode("latin-1"))
    source = open_source(path)
    assert encoding_of(source) == "utf-8"
    last = [line for _, lines in pieces(source) for line in lines][-1]
    assert last == "Zürich,2,2e-6\n"


def test_lines_keep_their_numbers_over_pieces(tmp_path: Path) -> None:
    path = tmp_path / "numbers.txt"
    path.write_text("".join(f"{i}\n" for i in range(1, 5001)))
    for first, lines in pieces(open_source(path), 1000):
        assert [int(line) for line in lines] == list(range(first, first + len(lines)))


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "reads.csv"
    path.write_text(TABLE, encoding="utf-8")
    data = read_measurements(path)
    assert data.attrs["source"] == "reads.csv"
    assert data.attrs["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()

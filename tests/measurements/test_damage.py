"""Whatever happens to a file on its way, it is read or refused in one line; never another error."""

import random
import warnings
from pathlib import Path

import pandas as pd
import pytest

from reliability.errors import InputError
from reliability.measurements import LAYOUTS, inspect, read_measurements
from tests.measurements.test_research import ORDER, relaxation
from tests.measurements.test_testers import EXPORT, clarius
from tests.measurements.test_tidy import LONG

PIECES = [
    *(b"", b"nan", b"inf", b"-1", b"1e400", b'"', b",", b"\t", b"\n", b"\x00", b"\xff", b"#"),
    *(b"9.9e37", b"0", b" ", b"x", b";", b"1e-320", "é".encode(), b"\r", b"1,5"),
]


def whole_files(folder: Path) -> list[bytes]:
    relaxation(8)[ORDER].to_csv(folder / "r.tsv", sep="\t", header=False, index=False)
    files = [
        EXPORT.encode(),
        "\n".join(clarius(8, 8)).encode(),
        LONG.encode(),
        (folder / "r.tsv").read_bytes(),
        b"1\t2e4\t3e5\t100\n1\t2e4\t3e5\t200\n",
        b"1,100,2,0.5,1e4,1e4\n1,100,2,1,1e4,2e4\n",
        b"\n".join(b"%d," % i + b",".join(b"%d" % (1000 + j) for j in range(40)) for i in range(3)),
    ]
    try:
        from tests.measurements.test_stdf import lot  # skips where pystdf is missing

        files += [lot("<").data, lot(">").data]
    except pytest.skip.Exception:
        pass
    frame = pd.DataFrame({"cell": [1, 2, 3], "G": [1e-6, 2e-6, 3e-6]})
    for name, write in (("t.xlsx", frame.to_excel), ("t.parquet", frame.to_parquet)):
        try:
            write(folder / name, index=False)
            files.append((folder / name).read_bytes())
        except ImportError:
            pass
    return files


def damage(content: bytes, dice: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(dice.randint(1, 6)):
        place, kind = dice.randrange(len(data) + 1), dice.random()
        if kind < 0.25:
            data = data[:place]
        elif kind < 0.5:
            data[place : place + dice.randint(0, 5)] = dice.choice(PIECES)
        elif kind < 0.7 and place < len(data):
            data[place] = dice.randrange(256)
        elif kind < 0.85:
            del data[place : place + dice.randint(1, 30)]
        else:
            data[place:place] = data[max(place - 20, 0) : place]
    return bytes(data)


def outcome(path: Path, layout: str | None) -> str:
    """Read a file; return why it was refused, nothing when it was read."""
    try:
        inspect(read_measurements(path, layout))
    except InputError as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize("count", [250, pytest.param(5000, marks=pytest.mark.slow)])
def test_damaged_files(tmp_path: Path, count: int) -> None:
    dice = random.Random(20240611 + count)
    files = whole_files(tmp_path)
    path = tmp_path / "damaged.dat"
    outcomes = []
    for _ in range(count):
        path.write_bytes(damage(dice.choice(files), dice))
        layout = dice.choice([None, None, None, *LAYOUTS])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # workbooks with odd styles
            outcomes.append(outcome(path, layout))
    refusals = [text for text in outcomes if text]
    assert all("\n" not in text and "damaged.dat" in text for text in refusals)
    assert len(outcomes) - len(refusals) > count // 20  # partly readable files are read

"""Whatever happens to a file on its way, it is read or refused in one line; never another error."""

import gzip
import io
import lzma
import random
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from reliability.errors import InputError
from reliability.measurements import LAYOUTS, inspect, read_measurements
from tests.measurements.test_research import ORDER, relaxation
from tests.measurements.test_testers import EXPORT, clarius
from tests.measurements.test_tidy import LONG
from tests.measurements.test_trace_tables import LVM, SCOPES

PIECES = [
    *(b"", b"nan", b"inf", b"-1", b"1e400", b'"', b",", b"\t", b"\n", b"\x00", b"\xff", b"#"),
    *(b"9.9e37", b"0", b" ", b"x", b";", b"1e-320", "é".encode(), b"\r", b"1,5"),
]


TRACE = b"Time (s),Voltage (mV),Current (uA)\n" + b"".join(
    b"%d,%d.5,%d.25\n" % (n, 10 * n, n) for n in range(20)
)


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
        TRACE,
        b"#Procedure: <IV>\n#Data:\nTimestamp,Vsd (V),I (A)\n"
        + b"".join(b"2024-08-15 16:38:%02d,0.%d,1e-%d\n" % (n, n, n + 4) for n in range(10)),
        (
            LVM.format(columns="One", point=".", x0="0", step="1") + "X_Value\tU\tI\tComment\n"
        ).encode()
        + b"".join(b"%d\t0.%d\t1e-6\n" % (n, n) for n in range(10)),
        b"Wordline,Bitline,Resistance,Amplitude,Pulse width,Tag,ReadTag,ReadVoltage\n"
        + b"".join(b"1,%d,4600,0.5,1e-6,P,S,0.2\n" % (n % 3) for n in range(9)),
        b"FileVersion 1 1;\nLotID L;\nSummarySpec 2 A B;\n",
    ]
    rows = b"".join(b"%d,0.%d,1.%d,,\n" % (n, n, n) for n in range(8)).decode()
    files += [
        text.format(rows=rows, bare=rows, counted=rows, numbered=rows, keyed=rows).encode()
        for text in SCOPES.values()
    ]
    try:
        from tests.measurements.test_stdf import lot  # skips where pystdf is missing

        files += [lot("<").data, lot(">").data]
    except pytest.skip.Exception:
        pass
    frame = pd.DataFrame({"cell": [1, 2, 3], "G": [1e-6, 2e-6, 3e-6]})
    trace = pd.DataFrame(
        {"Time": [0.1, 0.2], "AI": [1e-6, 2e-6], "AV": [0.1, 0.2], "ID": ["#REF", 1]}
    )
    for name, write in (
        ("t.xlsx", frame.to_excel),
        ("t.parquet", frame.to_parquet),
        ("c.xlsx", trace.to_excel),
    ):
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


def damage_inside(content: bytes, dice: random.Random) -> bytes:
    """Damage a part of a workbook and pack it again, so that the damage is not in the archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(packed, "w") as copy:
        chosen = dice.choice(whole.namelist())
        for name in whole.namelist():
            part = whole.read(name)
            copy.writestr(name, damage(part, dice) if name == chosen else part)
    return packed.getvalue()


def outcome(path: Path, layout: str | None) -> tuple[str, int]:
    """Read a file; return why it was refused (nothing when it was read), and the rows read."""
    try:
        data = read_measurements(path, layout)
        inspect(data)
    except InputError as refusal:
        return str(refusal), 0
    return "", data.attrs["rows_read"]


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_files(tmp_path: Path, count: int) -> None:
    dice = random.Random(20240611 + count)
    files = whole_files(tmp_path)
    path = tmp_path / "damaged.dat"
    outcomes, longest = [], 0.0
    for _ in range(count):
        content = dice.choice(files)
        inside = content.startswith(b"PK") and dice.random() < 0.7
        path.write_bytes(damage_inside(content, dice) if inside else damage(content, dice))
        layout = dice.choice([None, None, None, *LAYOUTS])
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            outcomes.append(outcome(path, layout)[0])
        longest = max(longest, time.perf_counter() - start)
    refusals = [text for text in outcomes if text]
    assert all("\n" not in text and "damaged.dat" in text for text in refusals)
    assert all(text.isprintable() for text in refusals)
    assert len(outcomes) - len(refusals) > count // 20  # partly readable files are read
    assert longest < 60


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_row_is_lost_without_a_note(tmp_path: Path, count: int) -> None:
    """Rows that are whole by an independent count are all among the rows read."""
    dice = random.Random(count)
    path = tmp_path / "damaged.csv"
    reads = b"cell,time [s],G [uS]\n" + b"".join(b"%d,%d,5%d.5\n" % (n, 1, n) for n in range(20))
    for _ in range(count):
        path.write_bytes(damage(dice.choice([TRACE, reads]), dice))
        refusal, rows = outcome(path, None)
        whole = 0
        for line in path.read_bytes().decode("latin-1").splitlines():
            try:
                whole += len([float(entry) for entry in line.split(",")]) == 3
            except ValueError:
                continue
        assert refusal or rows >= whole


NASTY = {
    "a giant line": lambda: b"cell,G\n1," + b"1" * (300 << 20),
    "a giant line of separators": lambda: b"," * (15 << 20),
    "a giant line, packed": lambda: gzip.compress(b"7" * (400 << 20), 1),
    "lines without end, gzip": lambda: gzip.compress(b"1,2\n" * (70 << 20), 1),
    "lines without end, xz": lambda: lzma.compress(b"1,2\n" * (70 << 20), preset=0),
    "many columns": lambda: b",".join(b"c%d" % n for n in range(200_000)) + b"\n" + b"1," * 200_000,
    "deep quotes": lambda: b"cell,G\n" + b'"' * (8 << 20),
    "zeros": lambda: b"\0" * (64 << 20),
}
WATCHED = """
import resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
from reliability.errors import InputError
from reliability.measurements import read_measurements
start = time.perf_counter()
try:
    read_measurements(sys.argv[1])
    print("read")
except InputError as refusal:
    print("refused:", refusal)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20
print(peak, time.perf_counter() - start)
"""


def watched(path: Path) -> tuple[str, float, float]:
    """Read a file in a process of its own; return what it said, its peak in GiB and its time."""
    run = subprocess.run(
        [sys.executable, "-c", WATCHED, str(path)], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr[-500:]
    said, numbers = run.stdout.splitlines()
    peak, seconds = map(float, numbers.split())
    return said, peak, seconds


@pytest.mark.slow
@pytest.mark.parametrize("kind", NASTY)
def test_files_that_attack_memory_or_time(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "nasty.csv"
    path.write_bytes(NASTY[kind]())
    said, peak, seconds = watched(path)
    assert said.startswith("refused: nasty.csv")
    assert peak < 4
    assert seconds < 60


@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"]
)
def test_a_compressed_bomb_in_a_workbook_is_refused_before_it_is_unpacked(
    tmp_path: Path, part: str
) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["cell", "G [uS]"])
    book.active.append([1, 50.0])
    book.save(tmp_path / "small.xlsx")
    path = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(tmp_path / "small.xlsx") as small,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in small.namelist():
            if name != f"xl/{part}":
                bomb.writestr(name, small.read(name))
        with bomb.open(f"xl/{part}", "w") as stream:
            for _ in range(100):
                stream.write(b" " * (1 << 20))
    start = time.perf_counter()
    with pytest.raises(InputError, match=rf"bomb.xlsx: xl/{part} unpacks to 100 MiB out of"):
        read_measurements(path)
    assert time.perf_counter() - start < 5

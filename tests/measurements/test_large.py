"""A file larger than the memory it may use: rows and arrays go to the disk, and nothing changes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reliability.measurements import read_measurements, source, spool, workbooks

READ = """
import sys, threading, time
from reliability.measurements import inspect, read_measurements, spool, source
spool.IN_MEMORY = 1 << 21
source.pieces.__defaults__ = (1 << 20,)
peak = 0
def anonymous():
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("RssAnon")).split()[1]) // 1024
def watch():
    global peak
    while True:
        peak = max(peak, anonymous())
        time.sleep(0.005)
read_measurements(sys.argv[1])  # what importing and a small file take
start = anonymous()
threading.Thread(target=watch, daemon=True).start()
data = read_measurements(sys.argv[2])
seen = inspect(data)
values = seen.quantities[0]
print(peak - start, seen.rows, values.missing, values.low, values.high)
"""


def write(path: Path, cells: int, times: int) -> None:
    with path.open("w") as stream:
        stream.write("cell,time [s],conductance [S]\n")
        for time in range(times):
            stream.writelines(
                f"{cell},{time},{(cell + 1) * (time + 1):d}e-12\n" for cell in range(cells)
            )


def test_small_pieces_and_disk_arrays_change_nothing(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "reads.csv"
    write(path, 300, 7)
    lines = path.read_text().splitlines(keepends=True)
    lines[1500] = "5,x,1e-6\n"
    lines.insert(800, lines[3])  # a repeat
    path.write_text("".join(lines))
    whole = read_measurements(path)
    monkeypatch.setattr(spool, "IN_MEMORY", 1000)
    monkeypatch.setattr(source.pieces, "__defaults__", (500,))
    pieces = read_measurements(path)
    assert whole.identical(pieces)
    assert pieces.attrs["bad_lines"] == "1502"


def test_sheets_in_small_pieces(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("openpyxl")
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"cell": np.arange(50), "G": np.arange(1, 51) * 1e-6})
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    whole = read_measurements(tmp_path / "t.xlsx")
    monkeypatch.setattr(workbooks, "_ROWS", 7)
    assert whole.identical(read_measurements(tmp_path / "t.xlsx"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to see the memory")
def test_memory_stays_flat(tmp_path: Path) -> None:
    """Four times the file, the same memory: far below the file and below its array."""
    small = tmp_path / "small.csv"
    write(small, 100, 10)
    peaks = []
    for times in (100, 400):
        path = tmp_path / f"large_{times}.csv"
        write(path, 20_000, times)
        run = subprocess.run(
            [sys.executable, "-c", READ, str(small), str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
        peak, rows, missing, low, high = run.stdout.split()
        assert (int(rows), int(missing)) == (20_000 * times, 0)
        assert (float(low), float(high)) == (1e-12, 20_000 * times * 1e-12)
        peaks.append(int(peak))
        size = path.stat().st_size / 2**20
        print(
            f"{size:.0f} MiB of text, {20_000 * times * 8 / 2**20:.0f} MiB of numbers: {peak} MiB"
        )
    assert peaks[1] < 40  # MiB; the larger file has 150 MiB of text and 61 MiB of numbers
    assert peaks[1] < peaks[0] + 10

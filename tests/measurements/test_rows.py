"""Rows of damaged tables: those that are kept are the rows an independent reader keeps."""

import csv
import random
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reliability.errors import InputError
from reliability.measurements import read_measurements

HEADER = "cell,time [s],G [uS]"


def good_rows(text: str) -> tuple[list[tuple[float, ...]], int]:
    """Read a table row by row with the csv module: rows of three numbers, and how many are not."""
    good, bad = [], 0
    for row in csv.reader(text.splitlines()[1:]):
        entries = [entry.strip() for entry in row]
        while len(entries) > 3 and not entries[-1]:
            entries.pop()
        if not any(entries) and len(entries) < 2:
            continue  # a blank line
        if len(entries) == 3 and not entries[2]:
            entries[2] = "nan"  # a read without a value is a missing one
        try:
            numbers = tuple(float(entry) for entry in entries)
        except ValueError:
            numbers = ()
        plain = len(numbers) == 3 and all(np.isfinite(numbers[:2])) and "_" not in "".join(entries)
        if plain and numbers[1] >= 0:
            good.append(numbers)
        else:
            bad += 1
    return good, bad


def damaged(rows: list[str], dice: random.Random) -> list[str]:
    """Damage a few rows in ways that leave the number of separators of the file as it is."""
    rows = list(rows)
    for _ in range(dice.randint(1, 4)):
        one, two = dice.sample(range(len(rows)), 2)
        kind = dice.randrange(6) if rows[one] else 4
        if kind == 0:  # a field too many here, one too few there
            rows[one] += f",{dice.randrange(100)}"
            rows[two] = rows[two].rpartition(",")[0]
        elif kind == 1:  # a line break lost, another gained
            rows[one] = f"{rows[one]}{rows.pop(two)}" if two > one else rows[one]
        elif kind == 2:
            place = dice.randrange(len(rows[one]))
            rows[one] = rows[one][:place] + dice.choice("x,;.-e ") + rows[one][place + 1 :]
        elif kind == 3:
            rows[one] = rows[one].replace(",", "", 1)
            rows[two] = rows[two].replace(",", ",,", 1)
        elif kind == 4:
            rows[one] = ""
        else:
            rows[one] = rows[one][: dice.randrange(len(rows[one]))]
    return rows


@pytest.mark.parametrize("count", [150, pytest.param(1000, marks=pytest.mark.slow)])
def test_damaged_tables_against_an_independent_reader(tmp_path: Path, count: int) -> None:
    dice = random.Random(7 + count)
    path = tmp_path / "reads.csv"
    for _ in range(count):
        rows = [
            f"{cell},{time},{50 + cell + time / 1e3!r}" for cell in range(20) for time in (0, 10)
        ]
        path.write_text("\n".join([HEADER, *damaged(rows, dice)]) + "\n")
        good, bad = good_rows(path.read_text())
        data = read_measurements(path)
        assert data.attrs["rows_bad"] == bad
        assert data.attrs["rows_read"] == bad + len(good)
        assert bool(data.attrs["bad_lines"]) == bool(bad)
        got = data["conductance"].values
        np.testing.assert_allclose(
            np.sort(got[np.isfinite(got)]),
            np.sort([row[2] * 1e-6 for row in good if np.isfinite(row[2])]),
            rtol=1e-12,
        )


def test_a_field_too_many_and_one_too_few_do_not_cancel(tmp_path: Path) -> None:
    path = tmp_path / "reads.csv"
    path.write_text(f"{HEADER}\n1,0,50\n1,10,51,7\n2,0\n2,10,53\n3,0,54\n")
    data = read_measurements(path)
    assert (data.attrs["rows_bad"], data.attrs["bad_lines"]) == (2, "3-4")
    assert data["cell"].values.tolist() == [1, 2, 3]
    spaced = tmp_path / "reads.txt"
    spaced.write_text(path.read_text().replace(" ", "").replace(",", "  "))
    assert read_measurements(spaced).attrs["bad_lines"] == "3-4"


def test_long_addresses_stay_apart(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    first = 2**53
    frame = pd.DataFrame({"cell": [first + n for n in range(4)], "G [uS]": [1.0, 2.0, 3.0, 4.0]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for source in (tmp_path / "t.csv", tmp_path / "t.parquet", frame):
        data = read_measurements(source)
        assert data["cell"].values.tolist() == [str(first + n) for n in range(4)]
        np.testing.assert_allclose(data["conductance"].values.ravel(), np.arange(1, 5) * 1e-6)
    late = pd.concat([pd.DataFrame({"cell": range(300), "G [uS]": 1.0}), frame])
    late.to_csv(tmp_path / "late.csv", index=False)
    data = read_measurements(tmp_path / "late.csv")
    assert (data.sizes["cell"], data.attrs["bad_lines"]) == (300, "302-305")
    assert "too long for a number" in data.attrs["problems"][0]


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.parquet"])
def test_truth_values_and_dates_are_no_numbers(tmp_path: Path, name: str) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("openpyxl")
    path = tmp_path / name
    truth = pd.DataFrame({"cell": range(5), "G [uS]": [1.0, 2.0, True, 4.0, False]}, dtype=object)
    when = pd.DataFrame({"cell": range(5), "G [S]": pd.to_datetime(["2020-09-13"] * 5)})
    if name == "t.parquet":  # a column has one type
        truth = pd.DataFrame({"cell": range(5), "G [uS]": [True] * 5})
    for frame in (truth, when):
        write = {"t.csv": frame.to_csv, "t.xlsx": frame.to_excel, "t.parquet": frame.to_parquet}
        write[name](path, index=False)
        if frame is when or name == "t.parquet":
            with pytest.raises(InputError, match=r"not a number|no measured value|cannot be read"):
                read_measurements(path)
        else:
            data = read_measurements(path)
            assert data.attrs["rows_bad"] == 2
            np.testing.assert_allclose(data["conductance"].values.ravel(), [1e-6, 2e-6, 4e-6])


@pytest.mark.parametrize("says", ["A1:B5", "A1", None])
def test_rows_beyond_what_a_sheet_says_of_its_size_are_read(tmp_path: Path, says: str) -> None:
    pytest.importorskip("openpyxl")
    frame = pd.DataFrame({"cell": range(10), "R [kOhm]": np.arange(10) + 5.0})
    frame.to_excel(tmp_path / "whole.xlsx", index=False)
    want = read_measurements(tmp_path / "whole.xlsx")
    size = b'<dimension ref="A1:B11" />'
    with (
        zipfile.ZipFile(tmp_path / "whole.xlsx") as whole,
        zipfile.ZipFile(tmp_path / "less.xlsx", "w") as less,
    ):
        for part in whole.namelist():
            content = whole.read(part)
            if part.endswith("sheet1.xml"):
                content = content.replace(b'<dimension ref="A1:B11"/>', size)
                assert size in content
                content = content.replace(
                    size, b"" if says is None else size.replace(b"A1:B11", says.encode())
                )
            less.writestr(part, content)
    got = read_measurements(tmp_path / "less.xlsx")
    assert got["conductance"].equals(want["conductance"])
    assert (got.attrs["rows_read"], got.attrs["rows_bad"]) == (10, 0)

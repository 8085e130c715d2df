"""The measured cells that ship are those that were published."""

import gzip

import numpy as np
import pytest

from reliability.measurements import read_measurements


def test_measured_cells_ship_with_their_licence(repository):
    folder = repository / "data" / "measured"
    assert "MIT License" in (folder / "NOTICE").read_text("utf-8")
    data = read_measurements(folder / "techB_relaxation.tsv.gz")
    assert (data.attrs["layout"], data.attrs["rows_bad"]) == ("relaxation", 0)
    assert data.sizes["cell"] > 1000
    bake = read_measurements(folder / "techB_bake.tsv.gz")
    assert (bake.attrs["layout"], bake.attrs["rows_bad"]) == ("bake", 0)
    assert bake.sizes["temperature"] >= 2


@pytest.mark.parametrize("name", ["techB_relaxation.tsv.gz", "techB_bake.tsv.gz"])
def test_they_are_rows_of_the_published_files(repository, shared, name):
    rows, whole = (
        gzip.decompress((folder / "measured" / name).read_bytes()).decode().splitlines()
        for folder in (repository / "data", shared)
    )
    assert rows == [row for row in whole if int(row.split("\t")[0]) % 13 == 0]
    assert len(rows) > 0.05 * len(whole)
    assert np.unique([row.split("\t")[0] for row in rows]).size > 1000

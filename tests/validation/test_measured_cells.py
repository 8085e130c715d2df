"""Predictions of measured cells: what their rows are called."""

import numpy as np
import pandas as pd
import xarray as xr

from reliability.validation.measured_cells import CellsPrediction, _rows


def test_rows_have_names_of_their_own():
    """Three writes of the same levels are told apart, as whoever reads `validation.json` needs."""
    table = pd.DataFrame({
        "quantity": ["mean", "mean", "mean", "sigma"], "label": ["0", "0", "LRS", "0"],
        "level": [0.0, 0.0, np.nan, 0.0], "time": 1800.0, "temperature": 393.15,
        "median": 1.0, "low": 0.0, "high": 2.0, "observed": [1.0, 3.0, 1.0, 1.0],
    })  # fmt: skip
    check = xr.Dataset({name: ("statistic", table[name].to_numpy()) for name in table})
    asked = CellsPrediction.model_construct(predict={}, quantities=None, every=1)
    rows = _rows(asked, "bakes", check)
    assert [row.name for row in rows] == [
        "mean, level 0, 30 min, 120 °C, write 1",
        "mean, level 0, 30 min, 120 °C, write 2",
        "mean, LRS, 30 min, 120 °C",
        "sigma, level 0, 30 min, 120 °C",
    ]
    assert [row.hit for row in rows] == [True, False, True, True]

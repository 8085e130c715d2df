"""What tasks import at their first use; the server that forks workers imports it once for all."""

import contextlib
import importlib

import numba

from reliability.campaign import load, runner

__all__ = ["load", "runner"]

for name in ("pint.delegates.formatter", "statsmodels.stats.proportion", "dask.array"):
    with contextlib.suppress(ImportError):  # xarray takes Dask where it is installed
        importlib.import_module(name)


@numba.njit
def _nothing() -> None: ...


_nothing()  # numba imports half of itself when it first compiles

"""Read what testers write into the Dataset that a sampled population also is.

`read_measurements` reads any known layout, `inspect` says what was understood of it. One layout,
one module: `tidy` (CSV, TSV, Parquet, XLSX), `keithley`, `keysight`, `stdf`, and in `research`
relaxation, bake, cycling, sweep, endurance and noise.
"""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.measurements.joined import join_bakes
    from reliability.measurements.lifetimes import (
        join_lifetimes,
        lifetimes_of,
        read_lifetimes,
        reads_of_units,
    )
    from reliability.measurements.overview import Axis, Summary, Values, inspect
    from reliability.measurements.reader import LAYOUTS, load_mapping, read_measurements
    from reliability.measurements.wafer_map import WaferMap, place_dies

__all__ = [
    "LAYOUTS",
    "Axis",
    "Summary",
    "Values",
    "WaferMap",
    "inspect",
    "join_bakes",
    "join_lifetimes",
    "lifetimes_of",
    "load_mapping",
    "place_dies",
    "read_lifetimes",
    "read_measurements",
    "reads_of_units",
]

__getattr__, __dir__ = first_use(__name__)

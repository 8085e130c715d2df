"""Parquet files in pieces, with limits that are checked before anything is read."""

from collections.abc import Iterator, Sequence
from typing import Any

from reliability.errors import InputError
from reliability.measurements.rows import Field
from reliability.measurements.source import Source, open_binary, optional_module
from reliability.measurements.workbooks import Block

_ROWS = 1 << 16  # rows taken at a time
_GROUP = 1 << 30  # bytes of a group of rows
_MANY, _DENSE = 1 << 23, 100  # rows that any file may have; above, rows for each byte


def parquet_file(source: Source) -> tuple[Any, Any]:
    """Open a Parquet file; return it and its first rows."""
    parquet = optional_module("pyarrow.parquet", source, "parquet")
    try:
        file = parquet.ParquetFile(open_binary(source))
        _checkparquet_file(source, file.metadata)
        return file, next(file.iter_batches(batch_size=200), None)
    except InputError:
        raise
    except Exception as error:  # Arrow's own errors
        raise InputError(f"{source.name}: is not a Parquet file, or damaged: {error}") from None


def _checkparquet_file(source: Source, metadata: Any) -> None:
    """Refuse groups of rows beyond the memory, and counts of rows that the file cannot hold."""
    sizes = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
    size = source.path.stat().st_size
    if max(sizes, default=0) > _GROUP or metadata.num_rows > max(_MANY, _DENSE * size):
        raise InputError(
            f"{source.name}: {metadata.num_rows} rows in groups of up to "
            f"{max(sizes, default=0) >> 20} MiB out of {size >> 10} KiB; allowed groups of "
            f"{_GROUP >> 20} MiB and {_DENSE} rows for each byte; not read"
        )


def parquet_blocks(source: Source, fields: Sequence[Field]) -> Iterator[Block]:
    file, _ = parquet_file(source)
    names = file.schema_arrow.names
    chosen = sorted({field.position for field in fields})
    first = 1
    try:
        for batch in file.iter_batches(
            batch_size=_ROWS, columns=[names[position] for position in chosen]
        ):
            columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
            yield first, dict(zip(chosen, columns, strict=True))
            first += batch.num_rows
    except (OSError, ValueError) as error:  # Arrow's own errors are such
        raise InputError(f"{source.name}: damaged after row {first - 1}: {error}") from None

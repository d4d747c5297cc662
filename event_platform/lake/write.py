"""DuckDB, in this process or in Spark's executors, writes Parquet into a table's data location; the statistics it returns become Iceberg data files.

Nothing is visible before `LakeTable.commit`; files of an attempt that died are orphans for `event-platform maintain`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from event_platform.engines.spark import Spark
from event_platform.engines.spark_tasks import SHARE
from event_platform.engines.spelling import literal
from event_platform.lake.faults import explained

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb
    from pyiceberg.manifest import DataFile
    from pyiceberg.types import NestedField

    from event_platform.engines.engine import Engine
    from event_platform.lake.schema import Table
    from event_platform.lake.storage import Storage
    from event_platform.lake.table import LakeTable

FILE_BYTES = "512MB"
"""Size at which DuckDB begins the next file of a write to one partition."""
BOUND_CHARACTERS = 16
"""What Iceberg's metadata keeps of a text that bounds a file's, as Iceberg's own writers do."""


@dataclass(frozen=True)
class Target:
    """Where files of a table go, and what they are like: all that any process needs to write one."""

    declared: Table
    data: str
    field_ids: Mapping[str, int]
    storage: Storage


@dataclass(frozen=True)
class Written:
    """What a SELECT was written to: rows of DuckDB's RETURN_STATS, one a file, which the first value names as its storage does."""

    select: str
    stats: list[Any]

    @property
    def names(self) -> list[str]:
        """The files."""
        return [name for name, *_ in self.stats]


def write(engine: Engine, table: LakeTable, select: str, partition: str | None = None) -> list[DataFile]:
    """Run the SELECT (columns of the table, in any order) into new Parquet files of the table; no row gives no file.

    Who knows that all rows belong to one partition gives its folder (`landing_date=2026-03-01`): parting them costs as much as writing.
    Raises TransientError when the disk is full.
    """
    target = target_of(table)
    if isinstance(engine, Spark):
        parted_by = () if partition else table.declared.stored_by
        with explained(table.declared.name):
            shares = engine.write(f"SELECT {table.declared.select_list} FROM ({select})", parted_by, partial(_copy_share, target, partition))
        written = Written(engine.translated(select).sql, [row for share in shares for row in share.stats])
    else:
        written = copy_into(engine, target, select, partition)
    return data_files(table, written)


def _copy_share(target: Target, partition: str | None, duck: duckdb.DuckDBPyConnection) -> Written:
    return copy_into(duck, target, f"SELECT * FROM {SHARE}", partition)


def target_of(table: LakeTable) -> Target:
    """Where a table's files go."""
    fields = table.iceberg.schema().fields
    ids = {field.name: field.field_id for field in fields if field.name in table.declared.column_names}
    return Target(table.declared, f"{table.iceberg.location()}/data", ids, table.storage)


def copy_into(duck: Engine, target: Target, select: str, partition: str | None = None) -> Written:
    """What `write` does, in this process, by DuckDB; the files are not yet described for Iceberg."""
    data = f"{target.data}/{partition or ''}"
    with explained(target.declared.name), target.storage.written(data) as folder:
        copied = duck.execute(_copy(target, select, folder, parted=partition is None and bool(target.declared.stored_by))).fetchall()
        stats = [row for row in copied if row[1] > 0]
        names = target.storage.publish([row[0] for row in stats], folder, data)
    return Written(select, [(name, *row[1:]) for name, row in zip(names, stats, strict=True)])


def data_files(table: LakeTable, written: Written) -> list[DataFile]:
    """The files as Iceberg describes them."""
    table.statements[table.declared.name] = written.select
    fields = {field.name: field for field in table.iceberg.schema().fields}
    return [_data_file(table, fields, row) for row in written.stats]


def without(engine: Engine, table: LakeTable, condition: str) -> tuple[list[DataFile], list[DataFile]]:
    """What to add to the table and what to retire, so that it holds no row for which the SQL is true; nothing of either if there is none."""
    if not table.files():
        return [], []
    held = table.select(extra=", filename")
    hit = {path for (path,) in engine.execute(f"SELECT DISTINCT filename FROM ({held}) WHERE {condition}").fetchall()}
    old = [file for file, path in zip(table.files(), table.paths(table.files()), strict=True) if path in hit]
    whole = table.whole or table
    return (write(engine, whole, f"SELECT * FROM ({whole.select(old)}) WHERE ({condition}) IS NOT TRUE") if old else []), old


def discard(table: LakeTable, files: Sequence[DataFile]) -> None:
    """Delete files that were written and will not be committed."""
    table.storage.delete([file.file_path for file in files])


def _copy(target: Target, select: str, data: Path, parted: bool) -> str:
    declared = target.declared
    field_ids = ", ".join(f"'{name}': {number}" for name, number in target.field_ids.items())
    stored_by = ", ".join(declared.stored_by)
    layout = f"PARTITION_BY ({stored_by}), WRITE_PARTITION_COLUMNS true" if parted else f"FILE_SIZE_BYTES '{FILE_BYTES}'"
    return f"""
        COPY (SELECT {declared.typed_select_list} FROM ({select}))
        TO {literal(str(data))} (
            FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, {layout},
            FILENAME_PATTERN '{{uuid}}', APPEND, RETURN_STATS, FIELD_IDS {{{field_ids}}}
        )"""


def _data_file(table: LakeTable, fields: Mapping[str, NestedField], row: Sequence[Any]) -> DataFile:
    """One row of COPY's RETURN_STATS as an Iceberg data file with bounds for numbers, dates, times and what rows are looked up by.

    `fields` are the table's by name.
    """
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
    from pyiceberg.typedef import Record

    path, count, size, _, statistics, _, _ = row
    written = [(fields[name.strip('"')], numbers) for name, numbers in statistics.items()]
    columns = {field.field_id: numbers for field, numbers in written}
    bounds = {field.field_id: _bounds(table.declared, field, numbers) for field, numbers in written}
    partition = [_partition_value(fields[name].field_type, statistics[f'"{name}"']["min"]) for name in table.declared.stored_by]
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=Record(*partition),
        record_count=count,
        file_size_in_bytes=size,
        column_sizes={field_id: int(numbers["column_size_bytes"]) for field_id, numbers in columns.items()},
        value_counts={field_id: int(numbers["num_values"]) for field_id, numbers in columns.items() if "num_values" in numbers},
        null_value_counts={field_id: int(numbers["null_count"]) for field_id, numbers in columns.items() if "null_count" in numbers},
        nan_value_counts={},
        lower_bounds={field_id: low for field_id, (low, _) in bounds.items() if low is not None},
        upper_bounds={field_id: high for field_id, (_, high) in bounds.items() if high is not None},
        key_metadata=None,
        split_offsets=None,
        equality_ids=None,
        sort_order_id=None,
        spec_id=table.iceberg.spec().spec_id,
    )


def _bounds(declared: Table, field: NestedField, numbers: dict[str, str]) -> tuple[bytes | None, bytes | None]:
    from pyiceberg.conversions import to_bytes
    from pyiceberg.types import BooleanType, DoubleType, StringType

    if "min" not in numbers or isinstance(field.field_type, (BooleanType, DoubleType)):
        return None, None
    if isinstance(field.field_type, StringType):
        return _text_bounds(numbers["min"], numbers["max"]) if field.name in declared.looked_up_by else (None, None)
    return tuple(to_bytes(field.field_type, _partition_value(field.field_type, numbers[end])) for end in ("min", "max"))  # type: ignore[return-value,arg-type] # two, of a primitive


def _text_bounds(low: str, high: str) -> tuple[bytes | None, bytes | None]:
    """Their beginnings, the upper one raised where it was cut. None beyond ASCII, which not every engine orders alike."""
    from pyiceberg.utils.truncate import truncate_upper_bound_text_string

    if not (low.isascii() and high.isascii()):
        return None, None
    upper = truncate_upper_bound_text_string(high, BOUND_CHARACTERS) or high  # ASCII can always be raised
    return low[:BOUND_CHARACTERS].encode(), upper.encode()


def _partition_value(field_type: Any, text: str) -> str | int | date | datetime:  # noqa: ANN401 - a pyiceberg type
    """DuckDB prints statistics as text; give back the value, days and microseconds as Iceberg counts them."""
    from pyiceberg.types import DateType, LongType, TimestamptzType
    from pyiceberg.utils.datetime import date_str_to_days, datetime_to_micros

    if isinstance(field_type, DateType):
        return date_str_to_days(text)
    if isinstance(field_type, TimestamptzType):
        return datetime_to_micros(datetime.fromisoformat(text))
    if isinstance(field_type, LongType):
        return int(text)
    return text

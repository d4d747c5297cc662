"""Files that are not lines (JSON documents, Parquet, Avro) as files of JSON lines, one record each, in the order of the file.

The record's number takes the place of the line's. Such a file is read whole or not at all: one that is torn is unreadable, which is one
record in quarantine, since what a broken container still holds cannot be told from what it lost.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from event_platform.engines.spelling import literal, literal_path
from event_platform.errors import ConfigurationError
from event_platform.records.compression import opened
from event_platform.records.lines import MAX_LINE_BYTES
from event_platform.sources.formats import Avro, Format, JsonDocument, Parquet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType

    import duckdb

MAX_RECORD_BYTES = MAX_LINE_BYTES
"""Longest record of a JSON document; a file with a longer one is unreadable."""


_NOT_OF_THE_FILE = ("OutOfMemoryException", "IOException", "InterruptException", "InternalException")
"""DuckDB's errors that say nothing of the file; whatever else a reader raises on broken bytes is a finding."""


def is_document(form: Format) -> bool:
    """Whether files of the format are not lines."""
    return isinstance(form, JsonDocument | Parquet | Avro)


def count(duck: duckdb.DuckDBPyConnection, form: Format, path: Path) -> tuple[int, str | None]:
    """How many records the file holds, and why it cannot be read (it then counts as one), as a sentence that quotes nothing of it."""
    try:
        # The longest line is asked for since count(*) alone reads no line, and would count the records of a broken file as sound.
        found = duck.execute(f"SELECT count(*), max(strlen(line)) FROM ({_records_sql(duck, form, path)})").fetchall()[0]
    except (ConfigurationError, MemoryError, OSError):
        raise
    except Exception as error:
        if type(error).__name__ in _NOT_OF_THE_FILE:
            raise
        return 1, _why(form, error)
    return int(found[0]), None


def write_lines(duck: duckdb.DuckDBPyConnection, form: Format, path: Path, target: Path) -> Path:
    """Write the file's records as JSON lines, and give the new file's path."""
    copied = f"COPY ({_records_sql(duck, form, path)}) TO {literal(str(target))}"
    duck.execute("SET preserve_insertion_order = true")  # the order is what numbers the records
    try:
        duck.execute(f"{copied} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')")
    finally:
        duck.execute("SET preserve_insertion_order = false")
    return target


def rewrite_avro(original: Path, numbers: Sequence[int], target: Path) -> None:
    """Write an Avro file's records but these (numbers from 1) to another."""
    polars = _polars()
    records = polars.read_avro(original).with_row_index("_number", offset=1)
    records.filter(~polars.col("_number").is_in(list(numbers))).drop("_number").write_avro(target, compression="deflate")


def _records_sql(duck: duckdb.DuckDBPyConnection, form: Format, path: Path) -> str:
    """A SELECT of the column `line`: each record as JSON on one line."""
    if isinstance(form, JsonDocument):
        layout = "array" if _first_character(path) == b"[" else "unstructured"
        return f"""
            SELECT coalesce(line::VARCHAR, 'null') AS line
            FROM read_json({literal_path(path)}, format = '{layout}', records = false, columns = {{'line': 'JSON'}},
                maximum_object_size = {MAX_RECORD_BYTES}, hive_partitioning = false)"""
    if isinstance(form, Avro):
        duck.register("avro_records", _polars().read_avro(path).to_arrow())
        records = "avro_records"
    else:
        records = f"read_parquet({literal_path(path)}, hive_partitioning = false)"
    return f"SELECT to_json(_record)::VARCHAR AS line FROM {records} AS _record"


def _first_character(path: Path) -> bytes:
    """The first byte that is not white space or a byte order mark; empty for an empty file."""
    with opened(path) as content:
        while chunk := content.read(65_536):
            if filled := chunk.removeprefix(codecs.BOM_UTF8).lstrip():
                return filled[:1]
    return b""


def _polars() -> ModuleType:
    try:
        import polars
    except ImportError:
        raise ConfigurationError("Avro files need the extra `avro`: pip install 'event-platform[avro]'.") from None
    return polars


def _why(form: Format, error: Exception) -> str:
    kind = {JsonDocument: "a JSON document", Parquet: "a Parquet file", Avro: "an Avro file"}[type(form)]
    place = re.search(r"at byte \d+", str(error))
    return f"The file cannot be read as {kind}{f' (broken {place.group()})' if place else ''}."

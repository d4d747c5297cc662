"""What changed in a table since the snapshot that Redshift holds, and its files on S3, where COPY finds them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from event_platform.engines.spelling import identifier, literal
from event_platform.errors import PermanentError
from event_platform.lake.upload import put, upload
from event_platform.serving.redshift.statements import LONGEST_BYTES, Step
from event_platform.trusted.dates import event_date_of

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.manifest import DataFile

    from event_platform.lake.table import LakeTable

MOST_DATES = 2000
"""Dates that are exchanged one by one; beyond that the whole table is, since a statement may have 100 kB."""


@dataclass(frozen=True)
class Delta:
    """The files whose rows Redshift lacks, and the event dates whose rows it must drop before (None: all)."""

    files: list[DataFile]
    stale: frozenset[date] | None

    @property
    def rows(self) -> int:
        """Rows that are copied."""
        return sum(file.record_count for file in self.files)


def delta(table: LakeTable, held: int) -> Delta:
    """What brings a copy of the snapshot `held` (0: none) to the current one.

    A date that only gained files is added to; one that lost files is exchanged; dates that upkeep alone has touched hold the same rows as before.
    Without the old snapshot (never loaded, expired, another lake) everything is exchanged.
    """
    if not table.remembers(held):
        return Delta(table.files(), None)
    came, went = table.came_and_went(held)
    changed = frozenset[date]().union(*(change.dates for change in table.changes_since(table.sequence_of(held))))
    stale = changed & {event_date_of(table, file) for file in went}
    if len(stale) > MOST_DATES:
        return Delta(table.files(), None)
    new = {file.file_path for file in came}
    files = [file for file in table.files() if (day := event_date_of(table, file)) in stale or (day in changed and file.file_path in new)]
    return Delta(files, stale)


def stage(table: LakeTable, duck: duckdb.DuckDBPyConnection, delta: Delta, held: int, staging: str, scratch: Path) -> Step:
    """Copy the files that are not on S3 yet, and write a manifest of exactly these; what Redshift then has to do.

    Raises PermanentError for a value that Redshift cannot hold, before anything is copied, and as `upload` does.
    """
    if not delta.files:
        return Step(held, table.snapshot_id, None, delta.stale)
    _check_lengths(table, duck, delta.files)
    folder = f"{staging.rstrip('/')}/{table.declared.name}"
    with _as_declared(table, duck, delta.files, scratch) as paths:
        upload(paths, folder)
        content = manifest({f"{folder}/{name}": path.stat().st_size for name, path in paths.items()})
    url = f"{folder}/{table.snapshot_id}-after-{held}.manifest"
    put(url, content)
    return Step(held, table.snapshot_id, url, delta.stale)


def manifest(sizes: Mapping[str, int]) -> str:
    """A COPY manifest: every file must be there; for Parquet it must give sizes in bytes.

    Source: Amazon Redshift Database Developer Guide, "Using a manifest to specify data files".
    """
    entries = [{"url": url, "mandatory": True, "meta": {"content_length": size}} for url, size in sorted(sizes.items())]
    return json.dumps({"entries": entries}, indent=1)


@contextmanager
def _as_declared(table: LakeTable, duck: duckdb.DuckDBPyConnection, files: Sequence[DataFile], scratch: Path) -> Iterator[dict[str, Path]]:
    """The files by the names they have on S3. COPY matches columns by position, so one that is older than some of the columns is written anew."""
    from pyarrow.parquet import read_schema

    with TemporaryDirectory(dir=scratch) as folder:
        paths: dict[str, Path] = {}
        for file, path in zip(files, map(Path, table.paths(files)), strict=True):
            if tuple(read_schema(path).names) == table.declared.column_names:
                paths[path.name] = path
            else:
                name = f"{path.stem}-{table.iceberg.schema().schema_id}.parquet"
                paths[name] = Path(folder) / name
                duck.execute(f"COPY ({table.select([file])}) TO {literal(str(paths[name]))} (FORMAT parquet, COMPRESSION zstd)")
        yield paths


def _check_lengths(table: LakeTable, duck: duckdb.DuckDBPyConnection, files: Sequence[DataFile]) -> None:
    names = [column.name for column in table.declared.columns if column.type in ("string", "json")]
    longest = ", ".join(f"max(strlen({identifier(name)}))" for name in names) or "NULL"
    [found] = duck.execute(f"SELECT {longest} FROM ({table.select(files)})").fetchall()
    for name, length in zip(names, found, strict=False):
        if length and length > LONGEST_BYTES:
            raise PermanentError(
                f"{table.declared.name} cannot be loaded into Redshift: `{name}` has a value of {length:,} bytes, VARCHAR holds {LONGEST_BYTES:,}. "
                "Nothing was copied. Shorten or split the value in the feed, or read the table through `event-platform sql` or PostgreSQL."
            )

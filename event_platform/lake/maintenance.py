"""Upkeep of one table: compaction, expiry of snapshots, and removal of files that no snapshot names any more.

All of it runs under the lock of the table's writer, so a file that no snapshot names belongs to nobody: it was expired, or an attempt died over it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from event_platform.lake.table import Change
from event_platform.lake.write import write

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.manifest import DataFile

    from event_platform.lake.table import LakeTable

SMALL_FILE_BYTES = 32 * 1024 * 1024
FILES_WORTH_COMPACTING = 4
"""Partitions with at least this many small files are rewritten."""


@dataclass
class Upkeep:
    """What was done to a table."""

    table: str
    compacted_files: int = 0
    expired_snapshots: int = 0
    removed_files: int = 0
    removed_bytes: int = 0


def maintain(
    table: LakeTable, duck: duckdb.DuckDBPyConnection, run_id: str, keep_snapshots: timedelta, needed_since: int, alone: bool = True
) -> Upkeep:
    """Compact, expire and remove; the caller holds the lock. Snapshots after `needed_since` are kept for tables that have yet to read them.

    Files that no snapshot ever named are removed only when the lock keeps out all writers (`alone`): they may be what another is about to commit.
    """
    done = Upkeep(table.declared.name)
    named_before = frozenset() if alone else named_files(table)
    done.compacted_files = compact(table, duck, run_id)
    done.expired_snapshots = expire(table, keep_snapshots, needed_since)
    if alone:
        done.removed_files, done.removed_bytes = remove_orphans(table)
    elif expired := named_before - named_files(table):
        table.storage.delete([*expired])
        done.removed_files = len(expired)
    return done


def worth_compacting(table: LakeTable) -> list[DataFile]:
    """The small files of each partition that has several; from metadata alone."""
    by_partition: defaultdict[tuple[object, ...], list[DataFile]] = defaultdict(list)
    for file in table.files():
        if file.file_size_in_bytes < SMALL_FILE_BYTES:
            by_partition[tuple(file.partition[position] for position in range(len(table.declared.stored_by)))].append(file)
    return [file for files in by_partition.values() if len(files) >= FILES_WORTH_COMPACTING for file in files]


def compact(table: LakeTable, duck: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """Write the small files of each partition that has several as one; give how many files that replaced.

    All columns are kept, whoever knows them; a table with one that cannot be written, of another engine's type, is left as it is.
    """
    small, whole = worth_compacting(table), table.whole
    if not small or whole is None:
        return 0
    table.commit(Change("upkeep"), run_id, added=write(duck, whole, whole.select(small)), removed=small)
    return len(small)


def expire(table: LakeTable, keep: timedelta, needed_since: int) -> int:
    """Forget snapshots that were replaced longer than `keep` ago and that no other table has yet to read.

    The current one always stays, and one to which somebody has given a name (a tag, a branch) until the name goes.

    It does not matter when a snapshot was made: until its successor came, whoever opened the table began to read it.
    """
    horizon = int((datetime.now(UTC) - keep).timestamp() * 1000)
    named = {name.snapshot_id for name in table.iceberg.metadata.refs.values()}
    snapshots = sorted(table.iceberg.snapshots(), key=lambda snapshot: snapshot.sequence_number or 0)
    old = [
        snapshot.snapshot_id
        for snapshot, successor in pairwise(snapshots)
        if successor.timestamp_ms < horizon and (snapshot.sequence_number or 0) <= needed_since and snapshot.snapshot_id not in named
    ]
    if old:
        table.iceberg.maintenance.expire_snapshots().by_ids(old).commit()
        table.refresh()
    return len(old)


def remove_orphans(table: LakeTable) -> tuple[int, int]:
    """Delete data and metadata files of the table that none of its snapshots names; give their number and bytes."""
    named = named_files(table)
    orphans = {}
    for folder in ("data", "metadata"):
        found = table.storage.listed(f"{table.iceberg.location()}/{folder}")
        orphans.update({name: size for name, size in found if name not in named})
    table.storage.delete([*orphans])
    return len(orphans), sum(orphans.values())


def named_files(table: LakeTable) -> frozenset[str]:
    """The data and metadata files that the table and its snapshots name."""
    iceberg, metadata = table.iceberg, table.iceberg.metadata
    named = {iceberg.metadata_location, *(entry.metadata_file for entry in metadata.metadata_log)}
    named |= {each.statistics_path for each in (*metadata.statistics, *metadata.partition_statistics)}  # which other engines write
    manifests = {}
    for snapshot in iceberg.snapshots():
        named.add(snapshot.manifest_list)
        manifests.update({manifest.manifest_path: manifest for manifest in snapshot.manifests(iceberg.io)})
    named |= manifests.keys()
    for manifest in manifests.values():
        named |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(iceberg.io, discard_deleted=True)}
    return frozenset(name.removeprefix("file://") for name in named)

"""One Iceberg table: which files it holds, what changed in it, and the one way to change it.

A snapshot's summary says what kind of write it was, which event dates it touched and which files it brought; a table made
from another keeps the sequence number of the last upstream snapshot it has taken in. See docs/architecture.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from event_platform.engines.spelling import literal, literals
from event_platform.errors import PermanentError
from event_platform.lake.faults import explained
from event_platform.lake.overwrite import overwrite
from event_platform.lake.schema import DUCKDB_TYPES, as_stored
from event_platform.lake.storage import FOLDERS

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import DataScan
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.table.snapshots import Snapshot

    from event_platform.lake.schema import Table
    from event_platform.lake.storage import Storage

PREFIX = "event_platform."
Kind = Literal["arrival", "replacement", "upkeep"]


_last_read: dict[tuple[str, str], tuple[int, list[DataFile]]] = {}
"""By table and where it is: a snapshot's id and its files."""


@dataclass(frozen=True)
class Change:
    """One write to a table, as later readers of the table need to know it.

    `kind` is "arrival" (rows were added, the new file ids are `first_file_id` to `last_file_id`), "replacement" (the rows of
    `landing_dates` or `dates` were derived anew) or "upkeep" (the same rows in other files). `dates` are the event dates touched.
    """

    kind: Kind
    dates: frozenset[date] = frozenset()
    landing_dates: frozenset[date] = frozenset()
    first_file_id: int = 0
    last_file_id: int = 0
    sequence: int = 0

    def summary(self, run_id: str) -> dict[str, str]:
        """The change as properties of the snapshot that makes it."""
        return {
            f"{PREFIX}run-id": run_id,
            f"{PREFIX}kind": self.kind,
            f"{PREFIX}dates": _join(self.dates),
            f"{PREFIX}landing-dates": _join(self.landing_dates),
            f"{PREFIX}file-ids": f"{self.first_file_id}-{self.last_file_id}",
        }

    @classmethod
    def of(cls, snapshot: Snapshot) -> Change:
        """Read back what `summary` wrote; a snapshot by a foreign writer counts as upkeep."""
        read = snapshot.summary.additional_properties if snapshot.summary else {}
        first, last = read.get(f"{PREFIX}file-ids", "0-0").split("-")
        return cls(
            kind=read.get(f"{PREFIX}kind", "upkeep"),  # type: ignore[arg-type] # written by summary() alone
            dates=_split(read.get(f"{PREFIX}dates", "")),
            landing_dates=_split(read.get(f"{PREFIX}landing-dates", "")),
            first_file_id=int(first),
            last_file_id=int(last),
            sequence=snapshot.sequence_number or 0,
        )


@dataclass
class LakeTable:
    """A table as it was when opened or last committed to; `refresh` looks again.

    `statements` holds, by table name, the SELECT that was last written through the same lake. `in_place`: who reads it finds its files where the
    catalogue says, so none is fetched.
    """

    declared: Table
    iceberg: IcebergTable
    storage: Storage = FOLDERS
    statements: dict[str, str] = field(default_factory=dict, repr=False)
    in_place: bool = False
    _files: list[DataFile] | None = field(default=None, repr=False)

    def refresh(self) -> None:
        """See what others have committed since."""
        self.iceberg.refresh()
        self._files = None

    def files(self, where: str | None = None) -> list[DataFile]:
        """The data files of the current snapshot that may hold rows for which `where` is true."""
        if where is not None:
            return self._planned(self.iceberg.scan(row_filter=where))
        if self._files is None:
            self._files = self._files_of_snapshot()
        return self._files

    def _files_of_snapshot(self) -> list[DataFile]:
        """All files of the current snapshot, which never change: read once in a process as long as no other snapshot of the table is asked for."""
        here = self.identity, self.iceberg.location()  # a copy of a lake has the same tables elsewhere
        snapshot_id, files = _last_read.get(here, (0, []))
        if snapshot_id != self.snapshot_id:
            files = self._planned(self.iceberg.scan())
            _last_read[here] = self.snapshot_id, files
        return files

    def files_between(self, first_file_id: int, last_file_id: int) -> list[DataFile]:
        """The data files that may hold rows of these file ids, both included."""
        return self.files(f"file_id >= {first_file_id} and file_id <= {last_file_id}")

    def file_ids(self, file: DataFile) -> tuple[int, int]:
        """Smallest and greatest file id in a data file, from its bounds."""
        field = self.iceberg.schema().find_field("file_id").field_id
        low, high = (int.from_bytes(bounds[field], "little", signed=True) for bounds in (file.lower_bounds, file.upper_bounds))
        return low, high

    def latest(self, file: DataFile, column: str) -> datetime:
        """The latest time in a timestamp column of a data file, from its bounds (UTC)."""
        bound = file.upper_bounds[self.iceberg.schema().find_field(column).field_id]
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int.from_bytes(bound, "little", signed=True))

    def nulls(self, file: DataFile, column: str) -> int:
        """How many rows of a data file have no value in a column, from its counts; all of them if it was written before the column was."""
        return file.null_value_counts.get(self.iceberg.schema().find_field(column).field_id, file.record_count)

    @property
    def last_file_id(self) -> int:
        """Greatest file id in the table, from metadata; 0 when it is empty."""
        return max((self.file_ids(file)[1] for file in self.files()), default=0)

    def partitions(self, column: str) -> set[object]:
        """The values of a column the table is stored by, as its current files have them."""
        position = self.declared.stored_by.index(column)
        return {file.partition[position] for file in self.files()}

    @property
    def rows(self) -> int:
        """Number of rows, from metadata."""
        return sum(file.record_count for file in self.files())

    @property
    def sequence(self) -> int:
        """Sequence number of the current snapshot; 0 for a table never written."""
        snapshot = self.iceberg.current_snapshot()
        return (snapshot.sequence_number or 0) if snapshot else 0

    @property
    def identity(self) -> str:
        """What tells the table from one of the same name in another lake."""
        return str(self.iceberg.metadata.table_uuid)

    @property
    def snapshot_id(self) -> int:
        """Id of the current snapshot; 0 for a table never written."""
        snapshot = self.iceberg.current_snapshot()
        return snapshot.snapshot_id if snapshot else 0

    def remembers(self, snapshot_id: int) -> bool:
        """Whether the snapshot has not expired yet, so that `changes_since` its number is complete."""
        return self.iceberg.snapshot_by_id(snapshot_id) is not None

    def files_at(self, snapshot_id: int) -> list[DataFile]:
        """The data files of an older snapshot that has not expired."""
        return self._planned(self.iceberg.scan(snapshot_id=snapshot_id))

    def _planned(self, scan: DataScan) -> list[DataFile]:
        """The data files of a scan. Raises PermanentError when rows in them were deleted by files beside them, which nothing here reads."""
        try:
            tasks = list(scan.plan_files())
        except ValueError as error:
            if "equality deletes" not in str(error):  # what pyiceberg says of rows deleted by their values
                raise
            raise _deleted_elsewhere(self.declared.name) from error
        if any(task.delete_files for task in tasks):
            raise _deleted_elsewhere(self.declared.name)
        return [task.file for task in tasks]

    def came_and_went(self, snapshot_id: int) -> tuple[list[DataFile], list[DataFile]]:
        """The data files that the table has and did not have in an older snapshot (0: before the first), and those that it had and lacks now."""
        if snapshot_id == self.snapshot_id:
            return [], []
        then = {file.file_path: file for file in (self.files_at(snapshot_id) if snapshot_id else [])}
        now = {file.file_path: file for file in self.files()}
        return [now[path] for path in now.keys() - then.keys()], [then[path] for path in then.keys() - now.keys()]

    def sequence_of(self, snapshot_id: int) -> int:
        """Sequence number of a snapshot; 0 for one that has expired."""
        snapshot = self.iceberg.snapshot_by_id(snapshot_id)
        return (snapshot.sequence_number or 0) if snapshot else 0

    def select(self, files: Sequence[DataFile] | None = None, extra: str = "") -> str:
        """A DuckDB SELECT over the given files (default: all of the current snapshot); no file gives no row."""
        chosen = self.files() if files is None else files
        if not chosen:
            return self.declared.empty_select
        read = f"read_parquet([{literals(self.paths(chosen))}], hive_partitioning = false{self._as_now(chosen)})"
        return f"SELECT {self.declared.select_list}{extra} FROM {read}"

    def paths(self, files: Sequence[DataFile]) -> list[str]:
        """Where data files can be read; unless that is in place, those that are not on this machine are fetched."""
        names = [file.file_path for file in files]
        return names if self.in_place else self.storage.paths(names)

    @property
    def whole(self) -> LakeTable | None:
        """The same with the columns that it has beside the declared ones, for who writes the same rows anew; None if one cannot be written."""
        declared = as_stored(self.declared, self.iceberg.schema())
        return None if declared is None else replace(self, declared=declared)

    @property
    def here(self) -> LakeTable:
        """The same for DuckDB in this process."""
        return replace(self, in_place=False)

    def _as_now(self, files: Sequence[DataFile]) -> str:
        """How to read files that lack some of the columns, or that nobody has looked into: by field id, what a file lacks is NULL."""
        ids = {field.name: field.field_id for field in self.iceberg.schema().fields}
        wanted = {ids[name] for name in self.declared.column_names}
        if len(self.iceberg.metadata.schemas) == 1 and not self.in_place and all(wanted <= (file.column_sizes or {}).keys() for file in files):
            return ""
        columns = (
            f"{ids[column.name]}: {{name: {literal(column.name)}, type: '{DUCKDB_TYPES[column.type]}', default_value: NULL}}"
            for column in self.declared.columns
        )
        return f", schema = MAP {{{', '.join(columns)}}}"

    def changes_since(self, sequence: int) -> list[Change]:
        """Writes after the snapshot with that number, oldest first, upkeep left out."""
        newer = (snapshot for snapshot in self.iceberg.snapshots() if (snapshot.sequence_number or 0) > sequence)
        changes = [Change.of(snapshot) for snapshot in newer]
        return sorted((change for change in changes if change.kind != "upkeep"), key=lambda change: change.sequence)

    def changes_for(self, reader: LakeTable) -> list[Change]:
        """Writes that a table made from this one has not taken in, oldest first, upkeep left out.

        One that names no dates stands for them all where some are forgotten (`knows_since`).
        """
        consumed = reader.consumed(self.declared.name)
        return self.changes_since(consumed) if self.knows_since(consumed) else [Change("replacement", sequence=self.sequence)]

    def knows_since(self, sequence: int) -> bool:
        """Whether all writes after the snapshot with that number are remembered, so that `changes_since` misses none.

        Upkeep forgets only what was taken in, but it cannot know of tables that are yet to be made, and others expire snapshots too: S3 Tables and
        Glue by themselves, after days.
        """
        return {snapshot.sequence_number for snapshot in self.iceberg.snapshots()}.issuperset(range(sequence + 1, self.sequence + 1))

    def changes_of(self, run_id: str) -> list[Change]:
        """Writes that the run made, oldest first, upkeep left out."""
        own = [s for s in self.iceberg.snapshots() if s.summary and s.summary.additional_properties.get(f"{PREFIX}run-id") == run_id]
        return [change for change in map(Change.of, own) if change.kind != "upkeep"]

    def consumed(self, upstream: str) -> int:
        """Sequence number of the last snapshot of `upstream` that this table has taken in; 0 for none."""
        return int(self.iceberg.properties.get(f"{PREFIX}consumed.{upstream}", 0))

    def note(self, name: str) -> dict[str, object]:
        """A JSON object kept as a table property; {} if it was never written."""
        found: dict[str, object] = json.loads(self.iceberg.properties.get(f"{PREFIX}{name}", "{}"))
        return found

    def commit(
        self,
        change: Change,
        run_id: str,
        added: Sequence[DataFile] = (),
        removed: Iterable[DataFile] = (),
        consumed: Mapping[str, int] | None = None,
        notes: Mapping[str, object] | None = None,
    ) -> None:
        """Make the added files visible, retire the removed ones and remember what was consumed, in one atomic commit.

        Raises ConflictError, and changes nothing, when anybody has committed to the table since it was opened, and TransientError when the disk
        is full or the catalogue locked. So that marks take part in that, a commit of nothing but marks makes a snapshot too.
        """
        removed = list(removed)
        properties = {f"{PREFIX}consumed.{upstream}": str(sequence) for upstream, sequence in (consumed or {}).items()}
        properties |= {f"{PREFIX}{name}": json.dumps(value, sort_keys=True) for name, value in (notes or {}).items()}
        with explained(self.declared.name), self.iceberg.transaction() as transaction:
            if properties:
                transaction.set_properties(properties)
            if added or removed or properties:
                made = change if added or removed else Change("upkeep")
                update = transaction.update_snapshot(snapshot_properties=made.summary(run_id))
                with overwrite(update, self._texts) if removed else update.merge_append() as files:
                    for data_file in removed:
                        files.delete_data_file(data_file)
                    for data_file in added:
                        files.append_data_file(data_file)
        self._files = None

    @property
    def _texts(self) -> list[int]:
        """The fields of the columns whose bounds are values of rows, perhaps of persons."""
        schema = self.iceberg.schema()
        return [schema.find_field(name).field_id for name in self.declared.looked_up_by]


def _deleted_elsewhere(name: str) -> PermanentError:
    return PermanentError(
        f"{name} holds rows that another engine deleted without writing its files anew (merge-on-read). Here they would come back, so nothing was "
        f"read or changed. Have the deleted rows left out of the files, in Spark with CALL lake.system.rewrite_data_files(table => '{name}', "
        "options => map('delete-file-threshold', '1', 'remove-dangling-deletes', 'true')), then run again."
    )


def _join(dates: Iterable[date]) -> str:
    return ",".join(sorted(day.isoformat() for day in dates))


def _split(text: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(day) for day in text.split(",") if day)


def day_of(partition_value: object) -> date:
    """A date as Iceberg keeps it in a partition: days since 1970-01-01."""
    from pyiceberg.utils.datetime import days_to_date

    return partition_value if isinstance(partition_value, date) else days_to_date(int(str(partition_value)))

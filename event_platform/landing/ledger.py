"""The ledger `landing.<source>`: one row per claimed file; byte-identical files are told apart from new ones here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.lake.conflicts import starts_anew
from event_platform.lake.table import Change, day_of
from event_platform.lake.write import write
from event_platform.landing.topic_files import Offsets

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.manifest import DataFile

    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.sources.contract import Source


@dataclass(frozen=True)
class LandedFile:
    """One row of the ledger (LEDGER_COLUMNS says what each field means)."""

    landing_date: date
    landing_file: str
    file_id: int
    original_name: str
    bytes: int
    sha256: str
    lines: int
    blank_lines: int
    unreadable: str | None
    careful: bool
    compression: str
    duplicate_of: str | None
    claimed_at: datetime
    run_id: str
    kafka_topic: str | None = None
    kafka_topic_id: str | None = None
    kafka_partition: int | None = None
    first_offset: int | None = None
    last_offset: int | None = None
    repeated_offsets: str | None = None
    repeated_lines: int | None = None
    received_records: int | None = None
    received_sha256: str | None = None

    @property
    def offsets(self) -> Offsets | None:
        """Which messages the file holds; None for a file that is of no topic."""
        if self.kafka_topic is None or self.kafka_topic_id is None or self.kafka_partition is None:
            return None
        assert self.first_offset is not None  # noqa: S101 - a topic's file has all of these
        assert self.last_offset is not None  # noqa: S101
        return Offsets(self.kafka_topic, self.kafka_topic_id, self.kafka_partition, self.first_offset, self.last_offset)

    @property
    def records(self) -> int:
        """Lines of the archived file that hold a record."""
        return self.lines - self.blank_lines

    @property
    def lines_to_account_for(self) -> int:
        """Lines that must be in stage or in quarantine, or be erased: all but blank ones as received, none for a repeated file.

        Those of repeated offsets are left out, unless they were erased: these count on both sides.
        """
        return 0 if self.duplicate_of else self._received - (self.repeated_lines or 0)

    @property
    def erased_lines(self) -> int:
        """Lines that were erased since the file was received; none for a repeated file, whose lines are not accounted for."""
        return 0 if self.duplicate_of else self._received - self.records

    @property
    def received(self) -> str:
        """Hash of the bytes as received."""
        return self.received_sha256 or self.sha256

    @property
    def _received(self) -> int:
        return self.records if self.received_records is None else self.received_records


def read(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, where: str = "true") -> list[LandedFile]:
    """The ledger's rows for which the SQL condition holds, in order of landing."""
    ledger = lake.open(tables.ledger(source))
    rows = duck.execute(f"SELECT * FROM ({ledger.select()}) WHERE {where} ORDER BY file_id").fetchall()
    return [LandedFile(*row) for row in rows]


def enter(ledger: LakeTable, source: Source, duck: duckdb.DuckDBPyConnection, files: Sequence[LandedFile], run_id: str) -> list[LandedFile]:
    """Add files to the ledger, those with the bytes of an earlier file marked as its duplicates; give them as entered.

    Raises ConflictError when anything was entered since the ledger was opened.
    """
    if not files:
        return []
    marked = mark_repeats(files, _known_content(ledger, duck, source), source)
    change = Change(
        "arrival",
        landing_dates=frozenset(file.landing_date for file in marked),
        first_file_id=min(file.file_id for file in marked),
        last_file_id=max(file.file_id for file in marked),
    )
    ledger.commit(change, run_id, added=_write(ledger, duck, marked))
    return marked


@starts_anew
def correct(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, corrections: Sequence[LandedFile], run_id: str) -> None:
    """Put corrected rows in the place of those of the same file ids."""
    if not corrections:
        return
    with lake.writing(f"landing.{source.name}"):
        ledger = lake.open(tables.ledger(source))
        dates = {file.landing_date for file in corrections}
        replaced = [file for file in ledger.files() if day_of(file.partition[0]) in dates]
        corrected = {file.file_id: file for file in corrections}
        rows = [LandedFile(*row) for row in duck.execute(f"SELECT * FROM ({ledger.select(replaced)}) ORDER BY file_id").fetchall()]
        ledger.commit(Change("upkeep"), run_id, _write(ledger, duck, [corrected.get(row.file_id, row) for row in rows]), replaced)


def first_untaken(lake: Lake, source: Source, stage: LakeTable) -> int:
    """The smallest file id that stage has not taken in yet; ids grow, so all greater ones are not taken either."""
    ledger = lake.open(tables.ledger(source))
    changes = ledger.changes_since(stage.consumed(ledger.declared.name))
    return min((change.first_file_id for change in changes), default=ledger.last_file_id + 1)


def _content(sha256: str, original_name: str, source: Source) -> str:
    """What tells a file from others: its bytes, and its name where the contract reads that."""
    return f"{sha256} {original_name}" if source.reads_file_names else sha256


def _known_content(ledger: LakeTable, duck: duckdb.DuckDBPyConnection, source: Source) -> dict[str, str]:
    known = duck.execute(f"""
        SELECT coalesce(received_sha256, sha256), original_name, landing_file FROM ({ledger.select()})
        WHERE duplicate_of IS NULL AND kafka_topic IS NULL""").fetchall()
    return {_content(sha256, name, source): landing_file for sha256, name, landing_file in known}


def mark_repeats(files: Sequence[LandedFile], known: dict[str, str], source: Source) -> list[LandedFile]:
    """Say of each file, in order of landing, whether it repeats an earlier one; `known` are files before them, by content."""
    marked, known = [], dict(known)
    for file in sorted(files, key=lambda file: file.file_id):
        if file.kafka_topic:  # known by its offsets: two equal messages are two
            marked.append(file)
            continue
        content = _content(file.received, file.original_name, source)
        marked.append(replace(file, duplicate_of=known.get(content) if file.bytes or file.received_sha256 else None))
        known.setdefault(content, file.landing_file)
    return marked


def _write(ledger: LakeTable, duck: duckdb.DuckDBPyConnection, files: Sequence[LandedFile]) -> list[DataFile]:
    import pyarrow as pa

    rows = pa.Table.from_pylist([asdict(file) for file in files])
    duck.register("entered", rows)
    try:
        return write(duck, ledger, "SELECT * FROM entered")
    finally:
        duck.unregister("entered")

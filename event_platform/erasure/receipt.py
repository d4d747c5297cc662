"""What is kept of an erasure: a JSON file in `privacy/receipts/` of the home, written as it goes, so that an erasure which died is taken up again.

It holds the hash of the subject, as the suppression list does, and never the value.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from event_platform.lake import files

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class ArchivedFile:
    """A file of the archive from which records were taken out; its bytes before and after, as SHA-256."""

    source: str
    landing_file: str
    records: int
    sha256_before: str
    sha256_after: str | None = None


@dataclass
class TableFound:
    """Rows of a table that told of the person, and the data files that held them."""

    table: str
    rows_before: int
    files_before: dict[str, str] = field(default_factory=dict)
    """Name and SHA-256 of each data file with such rows; they are deleted."""
    rows_after: int | None = None


@dataclass
class Receipt:
    """One erasure. Times are UTC, ISO 8601."""

    subject_key: str
    subject_hash: str
    sources: list[str]
    begun_at: str
    finished_at: str | None = None
    attempts: int = 0
    searched: dict[str, Any] = field(default_factory=dict)
    archive: list[ArchivedFile] = field(default_factory=list)
    tables: list[TableFound] = field(default_factory=list)
    deleted: dict[str, Any] = field(default_factory=dict)
    loads: list[dict[str, Any]] = field(default_factory=list)
    dagster: dict[str, Any] = field(default_factory=dict)
    not_searched: list[dict[str, Any]] = field(default_factory=list)
    """Places that may hold the person still: which, how long they keep what they hold, and what to do."""
    proof: dict[str, Any] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether the proof found nothing left."""
        return bool(self.proof) and bool(self.proof.get("clean"))

    def note_file(self, source: str, landing_file: str, records: int, sha256: str) -> None:
        """Remember a file before records are taken out of it; what is known from an attempt that died stays as it is."""
        if not any((each.source, each.landing_file) == (source, landing_file) for each in self.archive):
            self.archive.append(ArchivedFile(source, landing_file, records, sha256))

    def note_table(self, table: str, rows: int, held_in: dict[str, str]) -> None:
        """Remember what a table held; an attempt that died may have seen more than is there now."""
        found = next((each for each in self.tables if each.table == table), None)
        if found is None:
            self.tables.append(found := TableFound(table, 0))
        found.rows_before = max(found.rows_before, rows)
        found.files_before |= held_in


def begin(folder: Path, key: str, hashed: str, names: list[str]) -> tuple[Receipt, Path]:
    """The receipt of an erasure of this subject that has not come to its end, else a new one; and where it is kept."""
    for path in sorted(folder.glob(f"*-{hashed[:12]}.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        if not told["finished_at"] and told["sources"] == names:
            return _read(told), path
    now = datetime.now(UTC)
    return Receipt(key, hashed, names, now.isoformat(timespec="seconds")), folder / f"{now:%Y%m%dT%H%M%S.%fZ}-{hashed[:12]}.json"


def _read(told: dict[str, Any]) -> Receipt:
    archive = [ArchivedFile(**each) for each in told.pop("archive")]
    tables = [TableFound(**each) for each in told.pop("tables")]
    return Receipt(**told, archive=archive, tables=tables)


def keep(receipt: Receipt, path: Path) -> None:
    """Write the receipt, whole and durable, readable by its owner alone."""
    with files.explained(f"Writing {path}"):
        files.make_folder(path.parent)
        files.write_private(path, json.dumps(asdict(receipt), indent=1) + "\n")

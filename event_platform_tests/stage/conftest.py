"""An archive of files, and a way to parse all of it into rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.landing.inspect import as_records, inspect
from event_platform.sources.contract import Column, Rule, Source
from event_platform.stage.parse import parse

LANDED_ON = date(2026, 3, 10)
TYPED = Source(
    name="typed",
    title="One column of each type",
    owner="team:test",
    event_id="id",
    timestamp="at",
    kind=("kind", "part"),
    columns=(
        Column("id", "string", "", nullable=False),
        Column("at", "timestamp", "", nullable=False),
        Column("kind", "string", ""),
        Column("part", "long", ""),
        Column("s", "string", ""),
        Column("l", "long", ""),
        Column("d", "double", ""),
        Column("b", "boolean", ""),
        Column("due", "date", ""),
        Column("t", "timestamp", ""),
        Column("j", "json", ""),
    ),
    rules=(Rule("`l` is negative", "l < 0"),),
    first_date=date(2020, 1, 1),
)


SOUND = '{"id": "a", "at": "2026-03-01T10:00:00", "kind": "made", "part": 1}'


@dataclass(frozen=True)
class File:
    """What the ledger says of a file."""

    landing_file: str
    file_id: int
    bytes: int
    lines: int
    blank_lines: int
    careful: bool
    unreadable: str | None
    original_name: str
    landing_date: date = LANDED_ON
    kafka_topic: str | None = None
    kafka_partition: int | None = None
    first_offset: int | None = None
    repeated_offsets: str | None = None

    @property
    def lines_to_account_for(self) -> int:
        return self.lines - self.blank_lines


@dataclass
class Bench:
    """An archive, and a way to parse all of it into rows."""

    duck: duckdb.DuckDBPyConnection
    folder: Path
    source: Source = TYPED

    def land(self, content: bytes | str, name: str = "file.json") -> File:
        """Put a file into the archive and look at it as the claim does."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        seen = as_records(inspect(path), path, self.source.format, self.duck)
        return File(name, int.from_bytes(name.encode()[:5]), seen.bytes, seen.lines, seen.blank_lines, seen.careful, seen.unreadable, name)

    def parse(self, *files: File, columns: str = "file_id, line_number") -> tuple[list[tuple], list[tuple]]:
        """Staged rows of these columns, and (file_id, line_number, reason) of the quarantined, each in order."""
        staged = self.folder / "staged.parquet"
        with parse(self.duck, self.source, self.folder, files, self.folder / "scratch") as parsed:
            self.duck.execute(f"COPY ({parsed.staged_sql()}) TO '{staged}' (FORMAT parquet)")
            quarantined = self.duck.execute(f"SELECT file_id, line_number, reason FROM ({parsed.quarantined_sql([str(staged)])}) ORDER BY ALL")
            rows = quarantined.fetchall()
        return self.duck.execute(f"SELECT {columns} FROM '{staged}' ORDER BY file_id, line_number").fetchall(), rows

    def parse_line(self, line: bytes | str, columns: str = "*") -> tuple[tuple | None, str | None]:
        """The staged values of a line below a sound one, or the reason why it is in quarantine."""
        file = self.land(SOUND.encode() + b"\n" + (line if isinstance(line, bytes) else line.encode()))
        (_, *staged), quarantined = self.parse(file, columns=columns)
        assert len(staged) + len(quarantined) == 1, (line, staged, quarantined)
        return (staged[0], None) if staged else (None, quarantined[0][2])


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with connect(Environment(tmp_path / "home", threads=2)) as duck:
        yield Bench(duck, tmp_path)

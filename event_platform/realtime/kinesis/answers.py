"""Weather in a stream: each record is one answer of the API, its key the place. What files these become, and what they hold.

A file is called as the poller would have called it, with the time at which the record arrived, and then where the record was:
`weather-oslo-20260310T120000Z.json@<stream>@<shard>@<sequence number>`. So the same record is the same file however often it is read, and ledger,
stage and quarantine tell where a file came from. A record whose key is no place has no time in its name, and goes to quarantine; one without a
body is an empty file, of which the ledger alone tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from event_platform import partitions
from event_platform.engines.duckdb import spill_folder
from event_platform.environment import PLACE_NAME
from event_platform.lake import files
from event_platform.landing.inspect import as_records, inspect
from event_platform.landing.ledger import LandedFile
from event_platform.realtime.kinesis.checkpoint import Landed
from event_platform.sources.weather import SOURCE
from event_platform.stage.parse import parse

if TYPE_CHECKING:
    import duckdb

    from event_platform.landing.inspect import Inspection
    from event_platform.realtime.kinesis.checkpoint import Checkpoint
    from event_platform.realtime.kinesis.stream import Record

REPEATED_WITHIN = timedelta(minutes=10)
"""Who gets no answer puts a record again, within minutes. A place whose weather is told in the same bytes later was asked about again."""

SHOWN_KEY_CHARACTERS = 40


def save(records: list[Record], stream: str, checkpoint: Checkpoint, folder: Path) -> dict[str, Path]:
    """Write the records' bodies into the folder; the name of each file in pending/ and where it is now.

    A record that repeats the one before of its place has its name, and so becomes no file of its own. The checkpoint is told of the latest.
    """
    named: dict[str, Path] = {}
    for record in records:
        sha256 = hashlib.sha256(record.body).hexdigest()
        name = checkpoint.repeated(record.key, sha256, record.arrived_at, REPEATED_WITHIN) or name_of(record, stream)
        checkpoint.remember(record.key, Landed(name, sha256, record.arrived_at.isoformat()))
        if name not in named:
            named[name] = folder / str(len(named))
            named[name].write_bytes(record.body)
    return named


def name_of(record: Record, stream: str) -> str:
    """How the record's file is called."""
    if PLACE_NAME.fullmatch(record.key):
        told = f"{record.key}-{record.arrived_at:%Y%m%dT%H%M%SZ}"
    else:
        told = quote(record.key, safe="")[:SHOWN_KEY_CHARACTERS]
    return files.shortened(f"weather-{told}.json@{stream}@{record.shard}@{record.sequence}")


@dataclass(frozen=True)
class Arrived:
    """The rows that the files will give in stage, as a SELECT over a temporary table, and the names of files of which some record will not."""

    rows_sql: str
    poison: list[str]


def judge(named: Mapping[str, Path], folder: Path, duck: duckdb.DuckDBPyConnection) -> Arrived:
    """Judge the files as stage will. Of an observation that is told twice only the later telling is given."""
    arriving = [_arriving(number, name, path, duck) for number, (name, path) in enumerate(named.items(), 1)]
    with _staged_sql(arriving, folder, duck) as staged:
        duck.execute(f"CREATE OR REPLACE TEMP TABLE arrived AS {staged}")
    counts = dict(duck.execute("SELECT file_id, count(*) FROM arrived GROUP BY file_id").fetchall())
    poison = [file.original_name for file in arriving if counts.get(file.file_id, 0) < file.lines]
    latest = "row_number() OVER (PARTITION BY event_id ORDER BY file_id DESC, line_number DESC) = 1"
    return Arrived(f"FROM arrived QUALIFY {latest}", poison)


@contextmanager
def _staged_sql(arriving: list[LandedFile], folder: Path, duck: duckdb.DuckDBPyConnection) -> Iterator[str]:
    with parse(duck, SOURCE, folder, arriving, spill_folder(duck)) as parsed:
        yield parsed.staged_sql()


def _arriving(number: int, name: str, path: Path, duck: duckdb.DuckDBPyConnection) -> LandedFile:
    """A file as the ledger will have it, as far as its parsing goes, with a number in the place of its id."""
    found: Inspection = as_records(inspect(path), path, SOURCE.format, duck)
    return LandedFile(
        landing_date=partitions.today(),
        landing_file=path.name,
        file_id=number,
        original_name=name,
        **vars(found),
        duplicate_of=None,
        claimed_at=datetime.now(UTC),
        run_id="",
    )

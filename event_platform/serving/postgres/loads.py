"""Which tables are loaded into which database, and how: declared once in the file that EVENT_PLATFORM_LOADS names, or said on the command line."""

from __future__ import annotations

import math
import re
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from event_platform import tables
from event_platform.aggregate import all_aggregates
from event_platform.errors import ConfigurationError, TransientError, UsageError
from event_platform.serving.postgres.chunks import RECORDS, load_chunk
from event_platform.serving.postgres.progress import Mode
from event_platform.serving.postgres.relation import Relation
from event_platform.sources import all_sources
from event_platform.wording import counted

if TYPE_CHECKING:
    from pathlib import Path
    from threading import Event

    import duckdb

    from event_platform.environment import Environment
    from event_platform.lake.catalog import Lake
    from event_platform.lake.schema import Table
    from event_platform.lake.table import LakeTable
    from event_platform.serving.postgres.target import Connection

EVERY_SECONDS: dict[Mode, float] = {Mode.bulk: 30.0, Mode.chunks: 10.0}
"""How often a load that repeats itself does so, unless it says otherwise."""

FIELDS = {"table": str, "mode": str, "target": str, "as": str, "every_seconds": (int, float), "records": int}
"""What a `[[load]]` of the file may say."""

ASSET_NAME = r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*"
"""The names that Dagster takes for an asset of a load; a load on the command line is no asset and has any name."""


@dataclass(frozen=True)
class Load:
    """A table of the lake on its way into PostgreSQL.

    `target` is the URL of the database (None: the environment's, else the server in the home), `name` the table there.
    `records` are those of a chunk.
    """

    table: Table
    mode: Mode
    name: str
    every_seconds: float
    records: int = RECORDS
    event_id: str | None = None
    target: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Loaded:
    """What a load brought: rows (in chunks: new records), rows of dates that were derived anew, and the seconds it took.

    `changed` is False when nothing was to do.
    """

    rows: int
    corrected: int = 0
    seconds: float = 0.0
    changed: bool = True


def make_load(
    table: str, mode: str = "bulk", target: str | None = None, name: str | None = None, every_seconds: float | None = None, records: int = RECORDS
) -> Load:
    """The load of a trusted or aggregate table; a bare name means the trusted table of that source. UsageError when it cannot be done."""
    declared, event_id = find_table(table)
    if mode not in set(Mode):
        raise UsageError(f"{mode!r} is no way to load; there are {' and '.join(Mode)}.")
    if mode == Mode.chunks and event_id is None:
        raise UsageError(f"{declared.name} is recomputed date by date and has no order of arrival; load it with --mode bulk.")
    if records < 1 or (every_seconds is not None and not 0 < every_seconds < math.inf):
        raise UsageError("A chunk has at least one record, and time passes between two loads.")
    return Load(declared, Mode(mode), name or declared.name, every_seconds or EVERY_SECONDS[Mode(mode)], records, event_id, target)


def find_table(name: str) -> tuple[Table, str | None]:
    """A trusted or aggregate table, by name or by the bare name of its source, and the column that identifies an event; UsageError for another."""
    known = loadable()
    found = known.get(name) or known.get(f"trusted.{name}") or known.get(f"aggregate.{name}")
    if found is None:
        raise UsageError(f"There is no table {name!r} to load. Known: {', '.join(known)}.")
    return found


def loadable() -> dict[str, tuple[Table, str | None]]:
    """The tables that can be loaded, by name, and the column that identifies an event where rows are events."""
    trusted = {declared.name: (declared, source.event_id) for source in all_sources().values() for declared in [tables.trusted(source)]}
    return {**trusted, **{aggregate.table.name: (aggregate.table, None) for aggregate in all_aggregates()}}


def configured(environment: Environment) -> list[Load]:
    """The loads of the file that EVENT_PLATFORM_LOADS names; none without it. ConfigurationError says what in the file is wrong."""
    path = environment.loads
    if path is None:
        return []
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"EVENT_PLATFORM_LOADS is {path}, which cannot be read ({error}).") from None
    entries = content.pop("load", [])
    if content or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigurationError(f"{path} says something else than [[load]], in two brackets, each with its `table`; see docs/loading.md.")
    loads = [_from_file(path, entry) for entry in entries]
    spelled = [Relation.named(load.name, load.table).name.replace(".", "__").replace("-", "_") for load in loads]
    if twice := sorted({load.name for load, name in zip(loads, spelled, strict=True) if spelled.count(name) > 1}):
        raise ConfigurationError(f"{path} loads {', '.join(twice)} twice, or by names that Dagster writes alike; give one another name with `as`.")
    return loads


def _from_file(path: Path, entry: dict[str, Any]) -> Load:
    wrong = [name for name, value in entry.items() if name not in FIELDS or isinstance(value, bool) or not isinstance(value, FIELDS[name])]  # type: ignore[arg-type]
    if wrong or "table" not in entry:
        raise ConfigurationError(f"{path}: a [[load]] names its `table` and may say {', '.join(FIELDS)}; look at {', '.join(wrong) or 'table'}.")
    try:
        load = make_load(**{{"as": "name"}.get(name, name): value for name, value in entry.items()})
        Relation.named(load.name, load.table)
        if not re.fullmatch(ASSET_NAME, load.name):
            raise UsageError(
                f"{load.name!r} cannot name an asset, which takes letters A to Z, digits, `_` and `-`, with `.` between. Choose another."
            )
    except UsageError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return load


def perform(load: Load, lake: Lake, duck: duckdb.DuckDBPyConnection, paced: bool = False) -> Loaded:
    """Do a load, or the next chunk of it; with `paced` a chunk that comes too soon after the last one is left for later.

    Raises ConfigurationError (the target, its password), PermanentError (rights, another table of that name) and TransientError (away,
    full, busy); nothing is half done then.
    """
    from event_platform.serving.postgres.bulk import load_whole

    started = time.monotonic()
    with at_work(load, lake) as (connection, relation, table):
        if load.event_id and load.mode is Mode.chunks:
            chunk = load_chunk(connection, duck, table, relation, load.event_id, load.records, load.every_seconds if paced else 0.0)
            return Loaded(chunk.records, chunk.corrected, time.monotonic() - started, chunk.records + chunk.corrected > 0)
        rows = load_whole(connection, duck, table, relation)
        return Loaded(rows or 0, 0, time.monotonic() - started, rows is not None)


@contextmanager
def at_work(load: Load, lake: Lake) -> Iterator[tuple[Connection, Relation, LakeTable]]:
    """A connection to the target, the table there, and the table of the lake, which the load looks at again once it is its turn."""
    from event_platform.serving.postgres.progress import prepare
    from event_platform.serving.postgres.server import own_server
    from event_platform.serving.postgres.target import connect

    relation = Relation.named(load.name, load.table)
    with connect(load.target or lake.environment.postgres or own_server(lake.environment)) as connection:
        prepare(connection, relation)
        yield connection, relation, lake.open(load.table)


def perform_repeatedly(load: Load, lake: Lake, duck: duckdb.DuckDBPyConnection, stop: Event, tell: Callable[[str], None]) -> None:
    """Do the load every so many seconds until told to stop; a target that is away for a while is waited for."""
    next_at = time.monotonic()
    while not stop.is_set():
        try:
            tell(sentence(load, perform(load, lake, duck, paced=True)))
        except TransientError as error:
            tell(str(error))
        next_at = max(next_at + load.every_seconds, time.monotonic())
        stop.wait(next_at - time.monotonic())


def sentence(load: Load, loaded: Loaded) -> str:
    """What a load brought, for people."""
    if not loaded.changed:
        return f"{load.name}: nothing new"
    corrected = f" and {counted(loaded.corrected, 'row')} of dates derived anew" if loaded.corrected else ""
    return f"{load.name}: {counted(loaded.rows, 'row' if load.mode is Mode.bulk else 'record')}{corrected} in {loaded.seconds:.2f} s"

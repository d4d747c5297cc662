"""Tables that were loaded into PostgreSQL: loaded again from what the lake holds now, and written anew on disk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from event_platform import tables
from event_platform.aggregate import aggregates_of
from event_platform.engines.spelling import identifier
from event_platform.serving.postgres.loads import Load, at_work, configured, make_load, perform
from event_platform.serving.postgres.relation import Relation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import duckdb

    from event_platform.erasure.subject import Person
    from event_platform.lake.catalog import Lake
    from event_platform.serving.postgres.target import Connection
    from event_platform.sources.contract import Source


def load_again(
    lake: Lake, duck: duckdb.DuckDBPyConnection, there: Iterable[Source], person: Person, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Load every table again that was made from these sources; what was there, and how many rows still mention the value.

    Raises ConfigurationError, PermanentError and TransientError as loads do; the erasure then is not finished, and is taken up when given again.
    """
    done = []
    for load in _loads(lake, tables_of(there)):
        with at_work(load, lake) as (connection, relation, _):
            before = _rows(connection, relation, person)
        if before is None:
            continue
        perform(load, lake, duck)
        with at_work(load, lake) as (connection, relation, _):
            connection.execute(f"VACUUM FULL {relation.sql}")
            after = _rows(connection, relation, person)
        tell(f"PostgreSQL: {load.name} loaded again")
        done.append({"server": "PostgreSQL", "name": load.name, "rows_before": before, "rows_after": after})
    return done


def tables_of(there: Iterable[Source]) -> set[str]:
    """The tables that can be loaded elsewhere and may hold what these sources tell."""
    aggregates = {aggregate.table.name for source in there for aggregate in aggregates_of(source)}
    return aggregates | {tables.trusted(source).name for source in there}


def _loads(lake: Lake, names: set[str]) -> list[Load]:
    """Those that are configured, and those that somebody did by hand into the usual database."""
    said = [load for load in configured(lake.environment) if load.table.name in names]
    if not lake.environment.postgres and not (lake.environment.home / "postgres").is_dir():
        return [load for load in said if load.target]
    known = {load.name for load in said if not load.target}
    return [*said, *(load for load in _recorded(lake, names) if load.name not in known)]


def _recorded(lake: Lake, names: set[str]) -> list[Load]:
    """The loads that the database itself remembers."""
    from event_platform.serving.postgres.server import own_server
    from event_platform.serving.postgres.target import connect

    with connect(lake.environment.postgres or own_server(lake.environment)) as connection:
        if connection.execute("SELECT to_regclass('event_platform.loads')").fetchone() == (None,):
            return []
        rows = connection.execute("SELECT name, lake_table, mode FROM event_platform.loads ORDER BY name").fetchall()
    return [replace(make_load(table, mode), name=name) for name, table, mode in rows if table in names]


def _rows(connection: Connection, relation: Relation, person: Person) -> int | None:
    """How many rows hold the value as a subject; None when the table is not there."""
    held = relation.found_columns(connection)
    if held is None:
        return None
    conditions: list[str] = []
    values: list[str | list[str]] = []
    for source in person.sources:
        for place in (place for subject in source.subjects for place in subject.places):
            column, *path = place.split(".")
            if column in relation.declared.column_names:
                conditions.append(f"{identifier(column)}::text = %s" if not path else f"({identifier(column)}::json #>> %s) = %s")
                values += [person.value] if not path else [path, person.value]
    if not conditions:
        return 0
    found = connection.execute(f"SELECT count(*) FROM {relation.sql} WHERE {' OR '.join(conditions)}", values).fetchone()
    return int((found or (0,))[0])

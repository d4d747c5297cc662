"""DuckDB, the embedded engine: in-memory connections that spill to the scratch folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from event_platform.errors import ConfigurationError
from event_platform.scratch import passing_folder

if TYPE_CHECKING:
    import duckdb

    from event_platform.environment import Environment

MEMORY_LIMIT = "2500MB"
"""What DuckDB may hold before it spills, unless EVENT_PLATFORM_MEMORY_LIMIT says otherwise; leaves room under 4 GB for the process."""

EVENT_KEY = "(hash(id) >> 1)::BIGINT"
"""The hash of an event's id that `stage.<source>_seen` stores: a signed 64-bit number, as Iceberg has no unsigned one."""


@contextmanager
def connect(environment: Environment) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own whose session time zone is UTC; its spilled files go with it.

    Insertion order is kept within a file read, not across a parallel write, so results never depend on it.
    """
    import duckdb

    with passing_folder(environment.scratch, "duckdb-") as spill:
        config: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": str(spill),
            "memory_limit": environment.memory_limit or MEMORY_LIMIT,
            "preserve_insertion_order": False,
        }
        if environment.threads:
            config["threads"] = environment.threads
        try:
            connected = duckdb.connect(config=config)
        except duckdb.Error as error:
            raise ConfigurationError(f"DuckDB cannot start with EVENT_PLATFORM_MEMORY_LIMIT or _THREADS as set: {error}.") from error
        with connected as connection:
            prepare(connection)
            yield connection


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Set what answers depend on: the time zone, and what the platform's own functions are."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"CREATE OR REPLACE TEMP MACRO event_key(id) AS {EVENT_KEY}")


def spill_folder(connection: duckdb.DuckDBPyConnection) -> Path:
    """The folder of its own that a connection spills to; what else is put there goes with it."""
    ((folder,),) = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    return Path(folder)

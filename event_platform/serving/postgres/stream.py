"""From DuckDB into COPY through a pipe: no row is ever a Python object, no file is written."""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from event_platform.errors import TransientError

if TYPE_CHECKING:
    import duckdb

    from event_platform.serving.postgres.relation import Relation
    from event_platform.serving.postgres.target import Connection

BLOCK_BYTES = 1 << 20


def copy_in(connection: Connection, duck: duckdb.DuckDBPyConnection, select: str, relation: Relation, options: str = "") -> int:
    """Bring the rows of a DuckDB SELECT (the declared columns) into the relation; how many there were.

    Raises TransientError when DuckDB cannot read them; whatever is raised, the COPY has failed as a whole.
    """
    statement = f"COPY {relation.sql} ({relation.columns}) FROM STDIN (FORMAT csv{options})"
    read_end, write_end = _pipe()
    with ThreadPoolExecutor(1) as beside, connection.cursor() as cursor:
        try:
            written = beside.submit(_write_csv, duck, select, write_end)
            with cursor.copy(statement) as copy:
                while block := os.read(read_end, BLOCK_BYTES):
                    copy.write(block)
                written.result()
        finally:
            os.close(read_end)  # DuckDB, should it still write, is told so and ends
        return cursor.rowcount


def _pipe() -> tuple[int, int]:
    """Wider than usual where the system lets it be: each time it is full or empty one side waits for the other."""
    read_end, write_end = os.pipe()
    with suppress(AttributeError, OSError):
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, BLOCK_BYTES)
    return read_end, write_end


def _write_csv(duck: duckdb.DuckDBPyConnection, select: str, write_end: int) -> None:
    """NULL is nothing between two commas, an empty text is two quotes: as PostgreSQL reads it."""
    import duckdb

    try:
        duck.execute(f"COPY ({select}) TO '/dev/fd/{write_end}' (FORMAT csv, HEADER false, USE_TMP_FILE false)")
    except duckdb.IOException as error:
        raise TransientError(f"A file of the table cannot be read or written ({error}). Nothing is half done; run again.") from error
    finally:
        os.close(write_end)

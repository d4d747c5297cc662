"""From DuckDB into COPY in PostgreSQL's binary format, batch by batch: no row is ever a Python object, no file is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform.errors import ConfigurationError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from event_platform.serving.postgres.relation import Relation
    from event_platform.serving.postgres.target import Connection

ROWS_A_BATCH = 10_000


def copy_in(connection: Connection, duck: duckdb.DuckDBPyConnection, select: str, relation: Relation, options: str = "") -> int:
    """Bring the rows of a DuckDB SELECT (the declared columns in their order) into the relation; how many there were.

    Raises TransientError when DuckDB cannot read them; whatever is raised, the COPY has failed as a whole.
    """
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {relation.sql} ({relation.columns}) FROM STDIN (FORMAT binary{options})") as copy:
            for block in _encoded(duck, f"SELECT {relation.columns} FROM ({select})"):
                copy.write(block)
        return cursor.rowcount


def _encoded(duck: duckdb.DuckDBPyConnection, select: str) -> Iterator[bytes]:
    import duckdb
    import pyarrow as pa

    try:
        from pgpq import ArrowToPostgresBinaryEncoder
    except ImportError as error:
        raise ConfigurationError("Loading into PostgreSQL needs pgpq: `pip install 'event-platform[postgres]'`.") from error

    try:
        batches = duck.sql(select).to_arrow_reader(ROWS_A_BATCH)
        encoder = ArrowToPostgresBinaryEncoder(batches.schema)
        yield encoder.write_header()
        yield from map(encoder.write_batch, batches)
        yield encoder.finish()
    except (duckdb.IOException, pa.ArrowException, OSError) as error:
        raise TransientError(f"A file of the table cannot be read ({error}). Nothing is half done; run again.") from error

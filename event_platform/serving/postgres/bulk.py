"""The whole table in one transaction: readers see the old content or the new, never none or half of it.

The new content is gathered in a side table, which then takes the place of the old one. COPY FREEZE makes its rows visible
even to transactions whose snapshot is older, so that none of them finds the new table empty. When others have built on the old table (views,
grants, indexes, foreign keys, triggers), or are reading it all the time, it stays and its rows are exchanged, which takes longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform.engines.spelling import identifier
from event_platform.serving.postgres.progress import Mode, Progress, begin, remember
from event_platform.serving.postgres.stream import copy_in

if TYPE_CHECKING:
    import duckdb

    from event_platform.lake.table import LakeTable
    from event_platform.serving.postgres.relation import Relation
    from event_platform.serving.postgres.target import Connection

SWAP_WAIT_SECONDS = 2
"""How long a swap waits for those who read the table; others who want to read it wait behind."""


def load_whole(connection: Connection, duck: duckdb.DuckDBPyConnection, table: LakeTable, relation: Relation) -> int | None:
    """Make the relation hold what the table holds; the number of rows, None when it does already.

    Raises the PermanentErrors of `begin`, and one when columns have changed on which others depend.
    """
    with connection.transaction():
        past = begin(connection, relation, table, Mode.bulk)
        as_declared = relation.has_declared_columns(connection)
        if past and past.snapshot_id == table.snapshot_id and as_declared:
            return None
        relation.side.create(connection)
        rows = copy_in(connection, duck, table.select(), relation.side, ", FREEZE")
        if past is None:
            _rename(connection, relation)
        elif _is_built_on(connection, relation):
            if not as_declared:
                raise relation.differs(connection)
            _exchange_rows(connection, relation)
        else:
            _swap(connection, relation, as_declared)
        remember(connection, Progress(relation.name, table.declared.name, table.identity, Mode.bulk, table.snapshot_id, table.sequence, rows=rows))
        return rows


def _rename(connection: Connection, relation: Relation) -> None:
    connection.execute(f"ALTER TABLE {relation.side.sql} RENAME TO {identifier(relation.table)}")


def _swap(connection: Connection, relation: Relation, as_declared: bool) -> None:
    import psycopg

    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{SWAP_WAIT_SECONDS}s'")
            connection.execute(f"DROP TABLE {relation.sql}")
            _rename(connection, relation)
    except psycopg.errors.LockNotAvailable:
        if not as_declared:
            raise
        _exchange_rows(connection, relation)


def _exchange_rows(connection: Connection, relation: Relation) -> None:
    connection.execute(f"DELETE FROM {relation.sql}")
    connection.execute(f"INSERT INTO {relation.sql} ({relation.columns}) SELECT {relation.columns} FROM {relation.side.sql}")
    connection.execute(f"DROP TABLE {relation.side.sql}")


def _is_built_on(connection: Connection, relation: Relation) -> bool:
    """Whether dropping the table would lose what others made of it: anything that depends on it, or rights that a new table would not have."""
    found = connection.execute(
        """
        SELECT EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_class'::regclass AND refobjid = old.oid AND deptype IN ('n', 'a'))
            OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = old.oid AND attacl IS NOT NULL)
            OR old.relacl IS DISTINCT FROM new.relacl OR old.relowner <> new.relowner
        FROM pg_class AS old, pg_class AS new
        WHERE old.oid = to_regclass(%s) AND new.oid = to_regclass(%s)
        """,
        [relation.sql, relation.side.sql],
    ).fetchone()
    return found == (True,)

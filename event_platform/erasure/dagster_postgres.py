"""Dagster's own records where it keeps them in PostgreSQL: values are replaced by the mask, and tables that held one are written anew on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform.lake.schema import MASK
from event_platform.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    import dagster as dg
    from sqlalchemy.engine import Connection, Engine

    from event_platform.records.mentions import Mention

TEXTS = """
    SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns JOIN information_schema.tables
    USING (table_catalog, table_schema, table_name)
    WHERE table_type = 'BASE TABLE' AND table_schema = current_schema() AND data_type IN ('text', 'character varying', 'json', 'jsonb')
    ORDER BY ALL_OF_IT"""

Text = tuple[str, str, str]
"""A column that holds texts: its table and itself as they stand in statements, and its type."""


def clean(instance: dg.DagsterInstance, mention: Mention, tell: Callable[[str], None]) -> dict[str, int]:
    """Mask the value in every text of the databases of the instance; how many there are, and how many texts held it.

    Nothing is done for a value too short to tell, or where the instance keeps no records in PostgreSQL.
    """
    done = {"postgres_databases": 0, "postgres_cells": 0}
    for url in _urls(instance) if mention.is_telling else ():
        done["postgres_databases"] += 1
        done["postgres_cells"] += mask_database(url, mention)
    if done["postgres_databases"]:
        tell(f"Dagster: {counted(done['postgres_cells'], 'value')} masked in PostgreSQL")
    return done


def count(instance: dg.DagsterInstance, mention: Mention) -> int:
    """How many texts hold the value now."""
    if not mention.is_telling:
        return 0
    found = 0
    for url in _urls(instance):
        engine = _engine(url)
        with engine.connect() as connection:
            found += sum(_number(connection, text, mention) for text in _texts(connection))
        engine.dispose()
    return found


def mask_database(url: str, mention: Mention) -> int:
    """Mask the value in every text of one database, and write the tables anew that held it; how many texts did."""
    engine = _engine(url)
    masked: dict[str, int] = {}
    with engine.connect() as connection:
        for text in _texts(connection):
            if rows := _masked(connection, text, mention):
                masked[text[0]] = masked.get(text[0], 0) + rows
        for table in masked:
            connection.exec_driver_sql(f"VACUUM FULL {table}")
    engine.dispose()
    return sum(masked.values())


def pattern(mention: Mention) -> str:
    """The value as a word, in PostgreSQL's words."""
    import re

    return f"(?<![0-9A-Za-z_])(?:{'|'.join(map(re.escape, mention.spellings))})(?![0-9A-Za-z_])"


def _urls(instance: dg.DagsterInstance) -> list[str]:
    """Where the storages of the instance are, each once, as their configuration says."""
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    return sorted({url for storage in storages if (url := getattr(storage, "postgres_url", None))})


def _engine(url: str) -> Engine:
    from sqlalchemy import create_engine

    return create_engine(url, isolation_level="AUTOCOMMIT")


def _texts(connection: Connection) -> list[Text]:
    quoted = '"{}"'.format
    found = connection.exec_driver_sql(TEXTS.replace("ALL_OF_IT", "1, 2, 3")).fetchall()
    return [(f"{quoted(schema)}.{quoted(table)}", quoted(column), kind) for schema, table, column, kind in found]


def _number(connection: Connection, text: Text, mention: Mention) -> int:
    table, column, _ = text
    (rows,) = connection.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE {column}::text ~ %s", (pattern(mention),)).one()
    return int(rows)


def _masked(connection: Connection, text: Text, mention: Mention) -> int:
    table, column, kind = text
    masked = f"regexp_replace({column}::text, %s, %s, 'g')::{kind}"
    statement = f"UPDATE {table} SET {column} = {masked} WHERE {column}::text ~ %s"
    return int(connection.exec_driver_sql(statement, (pattern(mention), MASK, pattern(mention))).rowcount)

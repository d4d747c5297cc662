"""Dagster's own records in files and in a bucket: event logs, runs, schedules and what runs printed.

Values are replaced by the mask, and SQLite's free pages, where old values may linger, are given up.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from event_platform.errors import TransientError
from event_platform.lake import files
from event_platform.lake.schema import MASK
from event_platform.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from event_platform.erasure.dagster_places import DagsterPlaces
    from event_platform.records.mentions import Mention

BEGINS = b"SQLite format 3\0"
WAIT_SECONDS = 60


def clean(places: DagsterPlaces, mention: Mention, tell: Callable[[str], None]) -> dict[str, Any]:
    """Mask the value wherever the instance holds it but in PostgreSQL; how many cells of its databases, other files and objects held it, and where.

    Nothing is done for a value too short to tell.
    """
    done = {"databases": 0, "cells": 0, "files_searched": 0, "files": 0, "objects_searched": 0, "objects": 0}
    if not mention.is_telling:
        return done
    for path in places.files():
        if is_database(path):
            done["databases"] += 1
            done["cells"] += mask_database(path, mention)
        elif not path.name.endswith(("-wal", "-shm")):
            done["files_searched"] += 1
            if mention.is_in_file(path):
                _mask_file(path, mention)
                done["files"] += 1
    if places.bucket:
        searched = places.bucket.mask(mention)
        done |= {"objects_searched": searched.objects, "objects": len(searched.held)}
    masked = done["cells"] + done["files"] + done["objects"]
    tell(f"Dagster: {counted(masked, 'value')} masked in {counted(done['databases'], 'database')} and what runs printed")
    return done | {"places": places.named()}


def is_database(path: Path) -> bool:
    """Whether the file is one of SQLite's."""
    with path.open("rb") as file:
        return file.read(len(BEGINS)) == BEGINS


def mask_database(path: Path, mention: Mention) -> int:
    """Mask the value in every text of a database, and write the database anew if there was one; how many texts held it."""
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
        connection.create_function("masked", 1, lambda text: mention.pattern.sub(MASK, text), deterministic=True)
        masked = 0
        for table, column in _texts(connection, mention):
            condition = f'is_mention("{column}")'
            masked += connection.execute(f'UPDATE "{table}" SET "{column}" = masked("{column}") WHERE {condition}').rowcount
        if masked:
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return masked


def count_in_database(path: Path, mention: Mention) -> int:
    """How many texts of a database hold the value; a damaged one has none that can be read. Raises TransientError for one that is in use."""
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
        try:
            return sum(
                connection.execute(f'SELECT count(*) FROM "{table}" WHERE is_mention("{column}")').fetchone()[0]
                for table, column in _texts(connection, mention)
            )
        except sqlite3.OperationalError as error:
            raise TransientError(f"{path.name} cannot be looked through ({error}). Give the same command again.") from error
        except sqlite3.DatabaseError:
            return 0


def _texts(connection: sqlite3.Connection, mention: Mention) -> list[tuple[str, str]]:
    """Every column of every table; a connection that gave them knows `is_mention`."""
    connection.create_function(
        "is_mention", 1, lambda value: isinstance(value, str) and mention.pattern.search(value) is not None, deterministic=True
    )
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    return [(name, column) for name in names for (column,) in connection.execute(f"SELECT name FROM pragma_table_info('{name}')")]


def _mask_file(path: Path, mention: Mention) -> None:
    with files.explained(f"Masking {path.name}"):
        content = path.read_bytes()
        masked = path.with_name(f"{path.name}.part")
        masked.write_bytes(mention.bytes_pattern.sub(MASK.encode(), content))
        masked.chmod(path.stat().st_mode)
        masked.replace(path)

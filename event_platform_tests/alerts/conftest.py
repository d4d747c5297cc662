"""Weather in trusted without files, a configuration, and a mail server that can be taken away."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from aiosmtpd.controller import Controller
from ephemeral_port_reserve import reserve

from event_platform import environment, sources, tables
from event_platform.alerts.rounds import Round, run_round
from event_platform.engines.duckdb import connect
from event_platform.lake.catalog import Lake
from event_platform.lake.schema import DUCKDB_TYPES
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.trusted.merge import merge_pending
from infra.process import LOOPBACK

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
WEATHER = sources.get("weather")

GALE = """
[recipients.duty]
address_from = "DUTY_URL"

[[rules]]
name = "gale"
column = "wind_gust_m_per_s"
above = 20
clear = 15
cooldown_minutes = 30
recipients = ["duty"]
"""


def minutes(number: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=number)


def staged_row(place: str, observed_at: datetime, file_id: int, line_number: int, values: dict[str, object]) -> dict[str, object]:
    """An observation as a row of stage.weather."""
    added = {
        "event_id": f"{place}@{observed_at:%Y-%m-%dT%H:%M:%SZ}",
        "place": place,
        "observed_at": observed_at,
        "domain_event_type": place,
        "event_date": observed_at.date(),
        "landing_date": NOON.date(),
        "landing_file": f"{file_id}.json",
        "file_id": file_id,
        "line_number": line_number,
    }
    return dict.fromkeys(tables.stage(WEATHER).column_names) | values | added


@dataclass
class Weather:
    """The weather feed at hand: observations in, rounds of alerts, tables out."""

    home: Path
    files: int = 0

    @property
    def lake(self) -> Lake:
        return Lake(environment.read())

    def configure(self, text: str = GALE) -> None:
        self.home.mkdir(exist_ok=True)
        (self.home / "alerts.toml").write_text(text)

    def stage(self, *observations: tuple[str, datetime, dict[str, object]]) -> None:
        """Stage observations (place, time, values) as one file."""
        self.files += 1
        rows = [staged_row(place, at, self.files, number, values) for number, (place, at, values) in enumerate(observations, 1)]
        lake, declared = self.lake, tables.stage(WEATHER)
        change = Change("arrival", frozenset(at.date() for _, at, _ in observations), frozenset({NOON.date()}), self.files, self.files)
        with connect(lake.environment) as duck:
            duck.register("staged_rows", pa.Table.from_pylist(rows))
            table = lake.open(declared)
            typed = ", ".join(f'CAST("{each.name}" AS {DUCKDB_TYPES[each.type]}) AS "{each.name}"' for each in declared.columns)
            table.commit(change, "test", added=write(duck, table, f"SELECT {typed} FROM staged_rows"))

    def observe(self, *observations: tuple[str, datetime, dict[str, object]]) -> None:
        """Stage observations and merge them into trusted."""
        self.stage(*observations)
        with connect(self.lake.environment) as duck:
            merge_pending(self.lake, WEATHER, duck, "test")

    def gust(self, at: datetime, speed: float | None, place: str = "oslo") -> None:
        self.observe((place, at, {"wind_gust_m_per_s": speed}))

    def round(self, now: datetime) -> Round:
        with connect(self.lake.environment) as duck:
            return run_round(self.lake, duck, "test", now)

    def log(self, columns: str = "kind, observed_at, value, recipient, state, attempt") -> list[tuple[Any, ...]]:
        """The rows of the delivery log, in the order in which messages came and were tried."""
        from event_platform.alerts.log import TABLE

        with connect(self.lake.environment) as duck:
            order = "observed_at, alert_id, recipient, attempt"
            return duck.execute(f"SELECT {columns} FROM ({self.lake.open(TABLE).select()}) ORDER BY {order}").fetchall()

    def told(self) -> list[tuple[str, datetime]]:
        """What was found to be told, and the time of the observation."""
        return [(kind, at) for kind, at, attempt in self.log("kind, observed_at, attempt") if attempt == 0]


@pytest.fixture
def weather(home: Path) -> Weather:
    return Weather(home)


@dataclass
class MailServer:
    """An SMTP server on the loopback; `received` are the messages it took."""

    received: list[EmailMessage] = field(default_factory=list)
    port: int = 0
    controller: Controller | None = None

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: ARG002 - aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        return "250 OK"

    def start(self) -> None:
        self.port = self.port or reserve(LOOPBACK)
        self.controller = Controller(self, hostname=LOOPBACK, port=self.port, ready_timeout=60)
        self.controller.start()

    def stop(self) -> None:
        if self.controller:
            self.controller.stop()
            self.controller = None

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}/?mode=insecure&from=platform@example.org&to=hidden.person@example.com"

    @property
    def titles(self) -> list[str]:
        return [str(message["Subject"]) for message in self.received]

    @property
    def texts(self) -> list[str]:
        return [str(message.get_body(("plain", "html")).get_content()).strip() for message in self.received]  # type: ignore[union-attr]


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """The mail server behind the recipient `duty`."""
    server = MailServer()
    server.start()
    monkeypatch.setenv("DUTY_URL", server.url)
    yield server
    server.stop()

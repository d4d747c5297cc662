"""The whole pipeline in this process, for tests that start from files."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from event_platform import accounting, environment, sources
from event_platform.accounting import Status
from event_platform.engines.duckdb import connect
from event_platform.instance import open_instance
from event_platform.lake.catalog import Lake
from event_platform.landing import claiming
from event_platform.landing.waiting import pending_folder
from event_platform.runs import Outcome, process_pending
from event_platform.serving.sql import session
from event_platform.sources.contract import Source


def line(event_id: str = "a", timestamp: str = "2026-03-01T12:00:00", **fields: object) -> str:
    """One payment event as JSON, without the newline."""
    event = {"event_id": event_id, "timestamp": timestamp, "domain": "account", "event_type": "creation", "data": {"id": 1}}
    return json.dumps(event | fields)


@dataclass
class Pipeline:
    """A home, and the commands of the platform as functions."""

    source: Source = field(default_factory=lambda: sources.get("payments"))
    told: list[str] = field(default_factory=list)

    @property
    def lake(self) -> Lake:
        return Lake(environment.read())

    def pending_folder(self) -> Path:
        folder = pending_folder(environment.read(), self.source)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop(self, name: str, content: bytes | str | Iterable[str]) -> Path:
        """Put a file into pending/ as a stranger would: directly."""
        path = self.pending_folder() / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else "".join(f"{each}\n" for each in content), encoding="utf-8")
        return path

    def run(self) -> list[Outcome]:
        """Process until nothing is pending."""
        with open_instance() as instance:
            return list(process_pending(self.lake, self.source, instance, self.told.append))

    def run_well(self) -> None:
        """Process until nothing is pending, and expect every run to pass."""
        failures = [failure for outcome in self.run() for failure in outcome.failures]
        assert failures == []

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with session(environment.read()) as opened:
            return opened.query(statement)[1]

    def status(self) -> Status:
        with connect(environment.read()) as duck:
            return accounting.status(self.lake, self.source, duck, claiming.count_pending(self.lake, self.source))

    def reasons(self) -> dict[str, list[tuple[int, str]]]:
        """Quarantined lines and their reasons by the name under which the file arrived."""
        found: dict[str, list[tuple[int, str]]] = {}
        for name, number, reason in self.sql(
            "SELECT original_name, line_number, reason FROM quarantine.payments JOIN landing.payments USING (file_id) ORDER BY ALL"
        ):
            found.setdefault(str(name), []).append((int(str(number)), str(reason)))
        return found

"""For tests that start from files: the whole pipeline in one process, on a lake of its own. A plugin of pytest, `-p event_platform.testing`.

The project's own tests and those of projects that `event-platform init` made use the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from event_platform import accounting, environment, sources
from event_platform.accounting import Status
from event_platform.engines.duckdb import connect
from event_platform.instance import open_instance
from event_platform.lake.catalog import Lake
from event_platform.landing import claiming, queue, waiting
from event_platform.runs import Outcome, process_pending
from event_platform.serving.sql import session
from event_platform.sources.contract import Source


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home that the process is told to use, whose files need not settle."""
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
    return tmp_path / "home"


@pytest.fixture
def pipeline_of(home: Path) -> Callable[[str], Pipeline]:  # noqa: ARG001 - sets the home
    """Gives the pipeline of a source by its name, on an empty lake; UsageError if there is no such source."""
    return lambda name: Pipeline(sources.get(name))


@dataclass
class Pipeline:
    """The commands of the platform for one source, as functions; `told` is what the runs said."""

    source: Source
    told: list[str] = field(default_factory=list)

    @property
    def lake(self) -> Lake:
        """The lake of the home, as a new process finds it."""
        return Lake(environment.read())

    def pending_folder(self) -> Path:
        """Where files wait to be claimed."""
        folder = waiting.pending_folder(environment.read(), self.source)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def land(self, *paths: Path) -> None:
        """Copy files into the queue, as `event-platform land` does."""
        queue.land(environment.read(), self.source, paths)

    def drop(self, name: str, content: bytes | str | Iterable[str]) -> Path:
        """Put a file into pending/ as a stranger would, directly: of bytes, of a text, or of lines."""
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
        """Process until nothing is pending; AssertionError with what failed, if a run or a blocking check did."""
        failures = [failure for outcome in self.run() for failure in outcome.failures]
        assert failures == []  # noqa: S101 - it is for tests

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """The rows of a query over all tables."""
        with session(environment.read()) as opened:
            return opened.query(statement)[1]

    def status(self) -> Status:
        """Lines over all time, and whether the accounting closes."""
        with connect(environment.read()) as duck:
            return accounting.status(self.lake, self.source, duck, claiming.count_pending(self.lake, self.source))

    def reasons(self) -> dict[str, list[tuple[int, str]]]:
        """Numbers of quarantined lines and their reasons, by the name under which the file arrived."""
        found: dict[str, list[tuple[int, str]]] = {}
        name = self.source.name
        statement = f"SELECT original_name, line_number, reason FROM quarantine.{name} JOIN landing.{name} USING (file_id) ORDER BY ALL"
        for file, number, reason in self.sql(statement):
            found.setdefault(str(file), []).append((int(str(number)), str(reason)))
        return found

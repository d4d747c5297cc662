"""The pipeline of the payments, and their lines."""

import json
from dataclasses import dataclass, field

from event_platform import environment, sources, testing
from event_platform.accounting import Status
from event_platform.sources.contract import Source


def line(event_id: str = "a", timestamp: str = "2026-03-01T12:00:00", **fields: object) -> str:
    """One payment event as JSON, without the newline."""
    event = {"event_id": event_id, "timestamp": timestamp, "domain": "account", "event_type": "creation", "data": {"id": 1}}
    return json.dumps(event | fields)


@dataclass
class Pipeline(testing.Pipeline):
    """A home, and the commands of the platform as functions; for payments, unless another source is named."""

    source: Source = field(default_factory=lambda: sources.get("payments"))

    def status(self) -> Status:
        """Lines over all time; what was carried on from an earlier count is what counting anew finds."""
        carried_on = super().status()
        counted = environment.read().accounts / f"{self.source.name}.json"
        counted.unlink(missing_ok=True)
        assert super().status() == carried_on
        return carried_on

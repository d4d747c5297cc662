"""The monitor: looks again and again, and serves what it saw last, so that a scrape takes no longer when a store is slow or away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from event_platform.errors import PlatformError
from event_platform.lake.catalog import Lake
from event_platform.monitoring import figures, of_dagster
from event_platform.monitoring.of_lake import LakeLook
from event_platform.sources import all_sources

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.monitoring.figures import Sample

_log = logging.getLogger(__name__)
Tell = Callable[[str], None]


class Monitor(Collector):
    """A Prometheus collector of everything in `figures`; `tell` hears what cannot be asked, and when it can be again."""

    def __init__(self, environment: Environment, tell: Tell = _log.warning) -> None:
        """Nothing is looked at yet."""
        self._lake, self._tell = Lake(environment), tell
        self._look = LakeLook(self._lake)
        self._samples: list[Sample] = []
        self._away: dict[tuple[str, str], str] = {}

    def look(self) -> None:
        """Look at everything once; what cannot be asked is a figure and a line for `tell`, never an error."""
        began = datetime.now(UTC)
        found = [sample for part, source, ask in self._parts(began) for sample in self._asked(part, source, ask)]
        ended = datetime.now(UTC)
        self._samples = [*found, figures.LOOKED_AT(ended.timestamp()), figures.LOOK_SECONDS((ended - began).total_seconds())]

    def look_every(self, seconds: float, until: Event) -> None:
        """Look, pause for so long, look again, until the event."""
        self.look()
        while not until.wait(seconds):
            self.look()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What was seen last; figures without a value are named all the same."""
        seen = self._samples
        for figure in figures.ALL:
            family = GaugeMetricFamily(f"{figures.PREFIX}{figure.name}", figure.meaning, labels=figure.labels)
            for sample in seen:
                if sample.figure is figure:
                    family.add_metric(sample.labels, sample.value)
            yield family

    def _parts(self, now: datetime) -> Iterator[tuple[str, str, Callable[[], Iterable[Sample]]]]:
        for source in all_sources().values():
            yield "lake", source.name, lambda source=source: self._look.source(source, now)  # type: ignore[misc]
        yield "alerts", "", self._look.alerts
        yield "dagster", "", lambda: self._dagster(now)
        if self._lake.environment.kafka:
            yield "kafka", "", self._kafka

    def _dagster(self, now: datetime) -> list[Sample]:
        from event_platform.instance import open_instance

        with open_instance() as instance:
            return list(of_dagster.samples(instance, all_sources().values(), now))

    def _kafka(self) -> list[Sample]:
        from event_platform.monitoring import of_kafka

        return list(of_kafka.samples(self._lake, all_sources().values()))

    def _asked(self, part: str, source: str, ask: Callable[[], Iterable[Sample]]) -> list[Sample]:
        try:
            found = list(ask())
        except Exception as error:  # noqa: BLE001 - whatever is broken, the monitor is what tells
            self._note(part, source, str(error) if isinstance(error, PlatformError) else f"{type(error).__name__}; see `event-platform doctor`")
            return [figures.UP(0, part, source)]
        self._note(part, source, None)
        return [*found, figures.UP(1, part, source)]

    def _note(self, part: str, source: str, why: str | None) -> None:
        """Tell a problem once, and once that it is over."""
        known, name = self._away.get((part, source)), f"{part} {source}".strip()
        if why is None:
            self._away.pop((part, source), None)
        else:
            self._away[part, source] = why
        if why != known:
            self._tell(f"{name} can be asked again" if why is None else f"{name} cannot be asked: {why}")

"""Running the collector: a server with worker processes, each of which holds segments of its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from event_platform import environment as settings
from event_platform.errors import ConfigurationError, TransientError
from event_platform.landing import segments
from event_platform.realtime import configuration, orphans
from event_platform.scratch import passing_folder

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.realtime.configuration import Collector

HEADER_SECONDS = 5
DRAIN_SECONDS = 30

_log = logging.getLogger(__name__)


def serve(environment: Environment, host: str, port: int, workers: int) -> None:
    """Recover what a dead collector left, then serve until SIGTERM or SIGINT; what is under way is answered first.

    Raises ConfigurationError for settings that cannot be used, and when the server is not installed.
    """
    try:
        from granian.constants import Interfaces
        from granian.http import HTTP1Settings
        from granian.server import Server
    except ImportError:
        raise ConfigurationError("The collector needs more packages; install them with: pip install 'event-platform[collector]'") from None
    collector = configuration.read(environment)
    collector.secrets()
    collector.refuse_strangers(host)
    _prepare(environment, collector)
    with passing_folder(environment.scratch, "collector-") as figures:
        if workers > 1:
            settings.share_metrics_in(figures)
        orphans.end_when_told()
        Server(
            "event_platform.realtime.app:create",
            factory=True,
            interface=Interfaces.ASGI,
            address=host,
            port=port,
            workers=workers,
            websockets=False,
            backlog=2048,
            backpressure=2 * collector.limits.requests_at_once,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
            respawn_failed_workers=True,
            workers_kill_timeout=DRAIN_SECONDS,
            log_access=False,
        ).serve()


def _prepare(environment: Environment, collector: Collector) -> None:
    """What a sink needs before the first event comes; segments of a collector that was killed are recovered whatever the sink is now."""
    for source in collector.sources().values():
        try:
            segments.recover(environment, source)
        except TransientError as error:  # the store is away, say; it is tried again, and new events can be kept all the same
            _log.error("%s", error)
    if collector.sink == "kafka":
        from event_platform.realtime.kafka import sink

        sink.prepare(environment, collector.sources().values())

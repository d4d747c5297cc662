"""Serving the figures to Prometheus."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from event_platform.errors import ConfigurationError, TransientError

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.monitoring.monitor import Tell


def serve(environment: Environment, host: str, port: int, every_seconds: float, tell: Tell) -> None:
    """Look and serve until KeyboardInterrupt. Raises ConfigurationError when a package is missing, TransientError when the port is taken."""
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError:
        raise ConfigurationError("The monitor needs one more package; install it with: pip install 'event-platform[monitoring]'") from None
    from event_platform.monitoring.monitor import Monitor

    monitor = Monitor(environment, tell)
    registry = CollectorRegistry()
    registry.register(monitor)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise TransientError(f"Nothing can listen on {host}:{port} ({error.strerror}); choose another with --port.") from error
    tell(f"figures at http://{host}:{server.server_port}/metrics, anew every {every_seconds:g} s")
    try:
        monitor.look_every(every_seconds, Event())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Where the collector puts events; whatever does this can take the place of the embedded one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from event_platform.sources.contract import Source


class Sink(Protocol):
    """Keeps lines of sources. Lives in one event loop."""

    async def append(self, source: Source, lines: bytes) -> None:
        """Return once whole lines of sound JSON are durable. Raises TransientError when they cannot be kept now; then nobody may count on them.

        Raises PermanentError when one of them never can be.
        """

    def trouble(self) -> str | None:
        """Why nothing can be kept at present, if so."""

    async def close(self) -> None:
        """Finish what was begun, so that nothing is left to recover."""

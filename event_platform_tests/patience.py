"""Waiting for what comes by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenacity import Retrying, stop_after_delay, wait_fixed

if TYPE_CHECKING:
    from collections.abc import Callable


def eventually(holds: Callable[[], object], seconds: float = 120, look_every_seconds: float = 0.1) -> None:
    """Wait until it holds; then it may not, or whatever it raised is raised."""

    def look() -> None:
        assert holds()

    Retrying(wait=wait_fixed(look_every_seconds), stop=stop_after_delay(seconds), reraise=True)(look)

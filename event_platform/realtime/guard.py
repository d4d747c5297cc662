"""Around every request: an id, a count, and no more at once than may be; who comes when the house is full is told so before anything is read."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from event_platform.realtime import metrics

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ID = re.compile(rb"[\w.:-]{1,64}")
_FULL = b'{"error":"More is asked at once than may be; nothing was kept. Send it again."}'


class Guard:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp, requests_at_once: int) -> None:
        """Guard an application."""
        self._app, self._most, self._now = app, requests_at_once, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or shed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["request_id"] = request_id.decode()
        begun = time.perf_counter()

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
                metrics.REQUESTS.labels(message["status"]).inc()
                metrics.ANSWERING.observe(time.perf_counter() - begun)
            await send(message)

        if self._now >= self._most:
            await _shed(marked)
            return
        self._now += 1
        try:
            await self._app(scope, receive, marked)
        finally:
            self._now -= 1


def _request_id(scope: Scope) -> bytes:
    """The client's own, if it is harmless to repeat."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given if _ID.fullmatch(given) else uuid4().hex.encode()


async def _shed(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_FULL)).encode()), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _FULL})

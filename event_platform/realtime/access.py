"""Who may post: keys, compared without telling by the time it takes how much of one was right, and how many events each may bring."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from event_platform.realtime.refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from event_platform.realtime.configuration import Collector

ANYBODY = "anybody"


class Doorkeeper:
    """Knows the keys. Keeps of a secret only its digest, and shows neither."""

    def __init__(self, collector: Collector) -> None:
        """Raises ConfigurationError when a secret is not set."""
        self._collector = collector
        self._digests = {name: _digest(secret) for name, secret in collector.secrets().items()}
        self._allowances = {
            name: Allowance(key.events_per_second, key.burst) for name, key in collector.keys.items() if key.events_per_second is not None
        }

    def admit(self, request: Request, topic: str, key_in_body: str | None = None) -> str:
        """The name of the key that the request brings; raises Refusal 401 without a known one, 403 when it is not for the topic."""
        if not self._digests:
            return ANYBODY
        brought = _digest(_brought(request) or key_in_body or "")
        found = [name for name, digest in self._digests.items() if hmac.compare_digest(digest, brought)]
        if not found:
            raise Refusal(401, "This needs a key that the collector knows, such as in the header X-API-Key.", {"WWW-Authenticate": "Bearer"})
        if topic not in self._collector.keys[found[0]].topics:
            raise Refusal(403, f"This key is not for {topic}.")
        return found[0]

    def charge(self, name: str, events: int) -> None:
        """Count events of a key; raises Refusal 429 when it brings more than it may."""
        allowance = self._allowances.get(name)
        wait_seconds = allowance.take(events, time.monotonic()) if allowance else 0.0
        if wait_seconds:
            raise Refusal(429, "More events than this key may bring; nothing was kept.", {"Retry-After": str(math.ceil(wait_seconds))})


@dataclass
class Allowance:
    """A bucket that fills with `per_second` events up to `burst`. More than it ever holds is let through when it is full, as a debt."""

    per_second: float
    burst: int
    _left: float = field(init=False)
    _at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        """It begins full."""
        self._left = self.burst

    def take(self, events: int, now: float) -> float:
        """Take events out; 0, or how many seconds to wait until it can be done."""
        self._left = min(self.burst, self._left + (now - self._at) * self.per_second) if self._at else self._left
        self._at = now
        needed = min(events, self.burst)
        if needed > self._left:
            return (needed - self._left) / self.per_second
        self._left -= events
        return 0.0


def _brought(request: Request) -> str | None:
    """The key of a request: X-API-Key, a bearer's token, the user of basic authentication as Segment's clients do, or `key` in the query."""
    if key := request.headers.get("x-api-key"):
        return key
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return request.query_params.get("key")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()

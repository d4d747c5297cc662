"""Answers other than yes."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """A request is answered with this status, a sentence for people, and headers."""

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
        """The sentence quotes nothing of the request."""
        super().__init__(why)
        self.status, self.why, self.headers = status, why, dict(headers or {})

"""The words of a message: one line per breach or recovery, short enough for an SMS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from event_platform.alerts.log import Entry


@dataclass(frozen=True)
class Message:
    """What a recipient gets; a channel without titles sends the text alone."""

    title: str
    text: str


TEST = Message("Test of the weather alerts", "This is a test of the weather alerts; nothing has happened.")


def message_of(entries: Sequence[Entry], zone: ZoneInfo) -> Message:
    """The message for what is told together, in the order given; times are UTC and, where it differs, local."""
    lines = [_line(entry, zone) for entry in entries]
    return Message(_short(entries[0]) if len(entries) == 1 else f"{len(entries)} weather alerts", "\n".join(lines))


def _short(entry: Entry) -> str:
    return f"{entry.rule}: {entry.place} {'breach' if entry.kind == 'breach' else 'is over'}"


def _line(entry: Entry, zone: ZoneInfo) -> str:
    if entry.kind == "breach":
        what = f"{'above' if entry.is_above else 'below'} {entry.threshold:g}"
    else:
        what = f"back {'to' if entry.value == entry.threshold else 'below' if entry.is_above else 'above'} {entry.threshold:g}"
    utc, local = entry.observed_at.astimezone(UTC), entry.observed_at.astimezone(zone)
    moment = f"{utc:%Y-%m-%d %H:%M} UTC" + (f" ({local:%H:%M} {zone.key})" if local.utcoffset() else "")
    return f"{entry.rule}: {entry.place} {entry.measure} {entry.value:g}, {what}, at {moment}"

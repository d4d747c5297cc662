"""Sending what is due, and logging what became of it.

A message is in the log as due before anybody tries to send it, and each outcome is logged before the next message is touched. A process that is
killed between sending and logging therefore leaves one message that the next round sends once more; none is ever lost.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from event_platform.alerts import channels
from event_platform.alerts.log import ready_at
from event_platform.alerts.messages import message_of
from event_platform.alerts.timing import after_quiet, next_try
from event_platform.errors import ConfigurationError, TransientError

if TYPE_CHECKING:
    from datetime import datetime

    from event_platform.alerts.configuration import Configuration, Recipient
    from event_platform.alerts.log import AlertLog, Entry


def deliver_due(log: AlertLog, configuration: Configuration, now: datetime) -> list[Entry]:
    """Try to deliver every message that is due; give the rows logged. Nobody's failure keeps others from being told.

    A recipient whose service fails is not tried any further in this round, so an outage costs one time-out a round and messages stay in order.
    """
    log.postpone(_caught_in_quiet(log, configuration, now), now)
    ready = {name: entries for name, entries in log.waiting().items() if ready_at(entries) <= now}
    return [entry for name, entries in ready.items() for entry in _deliver_to(log, configuration, name, entries, now)]


def _caught_in_quiet(log: AlertLog, configuration: Configuration, now: datetime) -> list[Entry]:
    """What was due before this round, which comes so late that it is quiet again: due when that is over."""
    waiting = (entry for entries in log.waiting().values() for entry in entries)
    caught = ((entry, _quiet_until(configuration, entry, now)) for entry in waiting if entry.due_at <= now)
    return [replace(entry, due_at=end) for entry, end in caught if end > now]


def _quiet_until(configuration: Configuration, entry: Entry, now: datetime) -> datetime:
    """The end of the quiet hours that it is now, else now. Those of the place bind the first try alone, and spans that fill the day none."""
    parties = (configuration.recipients.get(entry.recipient), None if entry.attempt else configuration.places.get(entry.place))
    known = [party for party in parties if party]
    end = after_quiet(known, now)
    return end if after_quiet(known, end) == end else now


def _deliver_to(log: AlertLog, configuration: Configuration, name: str, entries: list[Entry], now: datetime) -> list[Entry]:
    outcomes: list[Entry] = []
    for together in _messages([entry for entry in entries if entry.due_at <= now]):
        error = _send(configuration, name, together)
        again = _next_try(configuration.recipients.get(name), together, now)
        tried = [_outcome(configuration, entry, error, now, again) for entry in together]
        log.append(tried, now)
        outcomes += tried
        if error:
            break
    return outcomes


def _messages(due: list[Entry]) -> list[list[Entry]]:
    """What goes out together: all that was gathered as one message, anything else by itself, the oldest first."""
    gathered = [entry for entry in due if entry.is_gathered]
    single = [[entry] for entry in due if not entry.is_gathered]
    return sorted(([gathered] if gathered else []) + single, key=lambda entries: entries[0].observed_at)


def _send(configuration: Configuration, name: str, together: list[Entry]) -> str | None:
    """None, or why it failed."""
    recipient = configuration.recipients.get(name)
    if recipient is None:
        return f"alerts.toml has no recipient {name} any more"
    try:
        channels.send(recipient, message_of(together, recipient.time_zone))
    except (TransientError, ConfigurationError) as error:
        return str(error)
    return None


def _outcome(configuration: Configuration, entry: Entry, error: str | None, now: datetime, again: datetime) -> Entry:
    if error is None:
        return entry.after_try("sent", now)
    if now - entry.first_due_at >= timedelta(hours=configuration.give_up_after_hours):
        return entry.after_try("given up", now, error)
    return entry.after_try("failed", again, error)


def _next_try(recipient: Recipient | None, together: list[Entry], now: datetime) -> datetime:
    """When what failed together is tried again together.

    Not in the recipient's quiet hours; those of a place would hold up what happens at other places.
    """
    again = next_try(1 + max(entry.attempt for entry in together), now)
    return after_quiet((recipient,), again) if recipient else again

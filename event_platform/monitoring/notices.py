"""Who is told of a problem: one message when it is found, one when it is mended, by the ways and at the hours of `alerts.toml`.

What is open and what waits is kept by the caller, as text, between rounds: for the sensor that is its cursor, so that a lake that is away, which
is a problem to be told, keeps nobody from telling it. A process killed between sending and keeping sends once more; nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from time import monotonic
from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from event_platform.alerts import channels
from event_platform.alerts.messages import Message
from event_platform.alerts.timing import after_quiet, due_at, next_try
from event_platform.errors import ConfigurationError, TransientError

if TYPE_CHECKING:
    from event_platform.alerts.configuration import Configuration
    from event_platform.monitoring.problems import Found

SENDING_SECONDS = 5.0
"""No message is begun so long after the round's first: a sensor has a minute, and what is not kept by then is sent again."""


@dataclass(frozen=True)
class Waiting:
    """A message to a recipient that was not delivered yet; times in UTC."""

    recipient: str
    text: str
    due_at: datetime
    first_due_at: datetime
    attempt: int = 0


@dataclass(frozen=True)
class State:
    """What a round leaves to the next: `open` problems by key, when each that was told and is mended was told (`told_at`), and what waits."""

    open: dict[str, str]
    told_at: dict[str, datetime]
    waiting: tuple[Waiting, ...] = ()

    @classmethod
    def read(cls, text: str | None) -> State:
        """What `text` wrote; nothing of None."""
        return _STATE.validate_json(text) if text else cls({}, {})

    @property
    def text(self) -> str:
        """As JSON."""
        return _STATE.dump_json(self).decode()


_STATE = TypeAdapter(State)


def take_in(state: State, found: Found, configuration: Configuration, now: datetime) -> State:
    """The state after a look: new problems and recoveries are messages that wait.

    A problem that comes back within the cooldown of its last message is neither told nor remembered: if it lasts, a later look tells it.
    """
    operations = configuration.operations
    if operations is None:
        return state
    opened, told_at, texts = dict(state.open), dict(state.told_at), list[str]()
    for key, wrong in sorted(found.items()):
        cooling = key in told_at and now - told_at[key] < timedelta(minutes=operations.cooldown_minutes)
        if wrong and key not in opened and not cooling:
            opened[key], told_at[key] = wrong, now
            texts.append(f"{wrong}, found at {now:%Y-%m-%d %H:%M} UTC")
        elif wrong is None and key in opened:
            texts.append(f"over: {opened.pop(key)}; mended at {now:%Y-%m-%d %H:%M} UTC")
    people = {name: configuration.recipients[name] for name in operations.recipients}
    new = (Waiting(name, text, due := due_at(person, None, now), due) for text in texts for name, person in people.items())
    return State(opened, told_at, (*state.waiting, *new))


def deliver(state: State, configuration: Configuration, now: datetime, tell: Callable[[str], None]) -> State:
    """Try to send what is due, each recipient's in order and together; the state with what still waits. `tell` hears of failures."""
    waiting, began = list[Waiting](), monotonic()
    for name in dict.fromkeys(each.recipient for each in state.waiting):
        own = [each for each in state.waiting if each.recipient == name]
        due = list(takewhile(lambda each: each.due_at <= now, own))
        later = own[len(due) :]
        if due and monotonic() - began < SENDING_SECONDS:
            due = _after_try(due, configuration, now, tell)
        waiting += [*due, *later]
    return replace(state, waiting=tuple(waiting))


def _after_try(due: list[Waiting], configuration: Configuration, now: datetime, tell: Callable[[str], None]) -> list[Waiting]:
    """What still waits of these after a try: nothing if they were taken."""
    recipient = configuration.recipients.get(due[0].recipient)
    if recipient is None:
        tell(f"alerts.toml has no recipient {due[0].recipient} any more; {len(due)} notices are dropped")
        return []
    if (quiet_until := after_quiet((recipient,), now)) > now:
        return [replace(each, due_at=quiet_until) for each in due]
    try:
        channels.send(recipient, _message(due))
    except (TransientError, ConfigurationError) as error:
        tell(f"{due[0].recipient} could not be told of {len(due)} notices: {error}")
        return list(_again(due, configuration, now))
    return []


def _again(due: list[Waiting], configuration: Configuration, now: datetime) -> Iterable[Waiting]:
    """With a pause that grows; not what was tried for long enough."""
    again, patience = next_try(1 + max(each.attempt for each in due), now), timedelta(hours=configuration.give_up_after_hours)
    return (replace(each, due_at=again, attempt=each.attempt + 1) for each in due if now - each.first_due_at < patience)


def _message(due: list[Waiting]) -> Message:
    title = due[0].text.partition(",")[0] if len(due) == 1 else f"{len(due)} notices of the event platform"
    return Message(title, "\n".join(each.text for each in due))

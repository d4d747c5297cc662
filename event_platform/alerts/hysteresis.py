"""When a rule is breached and when that is over: one pure step from observation to observation of a place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from event_platform.alerts.configuration import Rule

Kind = Literal["breach", "recovery"]


@dataclass(frozen=True)
class State:
    """Of one rule, column and place: whether a breach is open, and the time of the last observation told as a breach (UTC)."""

    is_open: bool = False
    breached_at: datetime | None = None


def step(rule: Rule, state: State, observed_at: datetime, value: float) -> tuple[State, Kind | None]:
    """The state after an observation later than all before it, and what is to be told.

    A breach within the cooldown of the last one told is neither told nor remembered: if it lasts, the first observation after the cooldown
    tells it.
    """
    if state.is_open:
        return (replace(state, is_open=False), "recovery") if rule.cleared_by(value) else (state, None)
    cooling = state.breached_at is not None and observed_at - state.breached_at < rule.cooldown
    if rule.breached_by(value) and not cooling:
        return State(True, observed_at), "breach"
    return state, None

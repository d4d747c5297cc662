"""The weather now at named places, polled from Tomorrow.io: one response a file, `weather-<place>-<YYYYMMDDTHHMMSSZ>.json`.

`GET /v4/weather/realtime?location=…&units=metric&apikey=…`. The free plan allows 25 calls an hour and 500 a day, and a retry is a call; both
are settings. When the API names a time until which it wants to be left alone, later rounds keep to it too, for all places, since it is the key
that is limited.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from event_platform import sources
from event_platform.errors import ConfigurationError, HeldBackError, PlatformError, UnavailableError
from event_platform.pulls.budget import CallBudget
from event_platform.pulls.client import Request
from event_platform.pulls.pulled import Failed, Pulled, patience_of, pull_and_land

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.pulls.kinesis import Stream

ATTEMPTS = 3
"""Fewer than elsewhere: each is a call of the plan, and the next round is near."""

DEADLINE_SECONDS = 60.0
"""For one place; weather that comes later is the next round's."""


def poll(
    environment: Environment,
    tell: Callable[[Pulled | Failed], None] = lambda _: None,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    stream: Stream | None = None,
) -> tuple[list[Pulled], list[Failed]]:
    """Ask once about each place, and land what is answered; a place that fails does not keep the others from being asked about.

    With a stream each answer is put there instead, as one record with the place as its key. `tell` hears of each place as it ends.
    Raises ConfigurationError when the key or the places are not set, UsageError without a contract.
    """
    _require_configured(environment)
    budget = budget_of(environment, clock)
    locations = dict(environment.weather_places)
    done, failed = list[Pulled](), list[Failed]()
    for place in budget.longest_unasked_first(list(locations)):
        try:
            done.append(_poll_place(environment, place, locations[place], budget, sleep, stream))
            tell(done[-1])
        except ConfigurationError:
            raise
        except PlatformError as error:
            failed.append(Failed(place, error))
            tell(failed[-1])
    return done, failed


def is_configured(environment: Environment) -> bool:
    """Whether there is a key and a place to ask about."""
    return bool(environment.tomorrow_api_key and environment.weather_places)


def budget_of(environment: Environment, clock: Callable[[], float] = time.time) -> CallBudget:
    """What the plan still allows."""
    path = environment.home / "calls" / "tomorrow.json"
    return CallBudget(path, environment.tomorrow_calls_per_hour, environment.tomorrow_calls_per_day, clock)


def _require_configured(environment: Environment) -> None:
    if not environment.tomorrow_api_key:
        raise ConfigurationError("EVENT_PLATFORM_TOMORROW_API_KEY is not set. Set it to a key of Tomorrow.io; a free account has one.")
    if not environment.weather_places:
        raise ConfigurationError("EVENT_PLATFORM_WEATHER_PLACES is not set. Name places, for instance new-york=New York; office=60.17,24.94.")


def _poll_place(
    environment: Environment, place: str, location: str, budget: CallBudget, sleep: Callable[[float], None], stream: Stream | None
) -> Pulled:
    request = Request(
        f"{environment.tomorrow_url}/v4/weather/realtime",
        {"location": location, "units": "metric"},
        {"apikey": environment.tomorrow_api_key or ""},
    )
    patience = patience_of(environment)
    patience = replace(patience, attempts=ATTEMPTS, deadline_seconds=min(DEADLINE_SECONDS, patience.deadline_seconds))
    what = f"{place}-{datetime.fromtimestamp(budget.clock(), UTC):%Y%m%dT%H%M%SZ}"
    try:
        return pull_and_land(
            environment,
            sources.require_example("weather", "The poll"),
            what,
            request,
            "object",
            patience=patience,
            before_attempt=lambda: budget.take(place),
            sleep=sleep,
            deliver=partial(stream.put, place) if stream else None,
        )
    except HeldBackError:
        raise
    except UnavailableError as error:
        if error.wait_seconds:
            budget.leave_alone(error.wait_seconds)
        raise

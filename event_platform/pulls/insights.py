"""Insights, pulled by date: `GET <EVENT_PLATFORM_INSIGHTS_URL>/records?date=YYYY-MM-DD&count=N`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from event_platform import sources
from event_platform.errors import ConfigurationError, PlatformError, UnavailableError
from event_platform.pulls.client import Request
from event_platform.pulls.pulled import Failed, Pulled, pull_and_land

if TYPE_CHECKING:
    from datetime import date

    from event_platform.environment import Environment


def pull_dates(
    environment: Environment, days: Iterable[date], count: int | None = None, tell: Callable[[Pulled | Failed], None] = lambda _: None
) -> tuple[list[Pulled], list[Failed]]:
    """Pull each date and land what it gives; `count` is the settings' when None, `tell` hears of each date as it ends.

    A date that the API refuses does not keep the next from being asked for; an API that is away does, and those dates have failed as well.
    Raises ConfigurationError when no address is set.
    """
    done, failed, away = list[Pulled](), list[Failed](), None
    for day in days:
        if away:
            failed.append(Failed(day.isoformat(), away))
            continue
        try:
            done.append(_pull_date(environment, day, environment.insights_count if count is None else count))
            tell(done[-1])
        except ConfigurationError:
            raise
        except PlatformError as error:
            failed.append(Failed(day.isoformat(), error))
            tell(failed[-1])
            away = error if isinstance(error, UnavailableError) else None
    return done, failed


def _pull_date(environment: Environment, day: date, count: int) -> Pulled:
    if not environment.insights_url:
        raise ConfigurationError(
            "EVENT_PLATFORM_INSIGHTS_URL is not set, so there is nobody to ask. Set it to the address of the API; "
            "`event-platform serve insights` opens one to try and tells its address."
        )
    request = Request(f"{environment.insights_url}/records", {"date": day.isoformat(), "count": str(count)})
    return pull_and_land(environment, sources.require_example("insights", "The pull"), day.isoformat(), request, "array", asked=count)

"""`event-platform pull`, `poll` and `serve`: feeds pulled from APIs, and made-up APIs to try them on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import tell, until_told_to_end
from event_platform.errors import PlatformError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from event_platform.environment import Environment
    from event_platform.pulls.kinesis import Stream
    from event_platform.pulls.pulled import Failed, Pulled

pull_app = typer.Typer(no_args_is_help=True, help="Ask an API for the records of some dates, and land them.")
poll_app = typer.Typer(no_args_is_help=True, help="Ask an API how things are now, and land what it says.")
serve_app = typer.Typer(no_args_is_help=True, help="Made-up APIs to pull from.")

HostOption = Annotated[str, typer.Option(help="Where to listen; only this machine is let in unless it says otherwise.")]
PortOption = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]


@pull_app.command("insights")
def pull_insights(
    first: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The date to pull.")],
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Pull up to this date, included.", show_default=False)] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Records of each date; EVENT_PLATFORM_INSIGHTS_COUNT says how many otherwise.")] = None,
) -> None:
    """Land the records of one date or a range; `run`, `watch` or the sensor process them."""
    from event_platform.partitions import days_between
    from event_platform.pulls.insights import pull_dates
    from event_platform.pulls.pulled import raise_first

    days = days_between(first.date(), (last or first).date())
    if not days:
        raise UsageError(f"--to {last:%Y-%m-%d} lies before --date {first:%Y-%m-%d}.")
    done, failed = pull_dates(environment.read(), days, count, tell if len(days) > 1 else _tell_landed)
    if done:
        _report(done)
    raise_first(failed, len(days))


def _report(done: Sequence[Pulled]) -> None:
    from event_platform.instance import open_instance
    from event_platform.pulls.assets import report_pulled

    with open_instance() as instance:
        for pulled in done:
            report_pulled(instance, pulled)


@poll_app.command("weather")
def poll_weather(
    every: Annotated[float | None, typer.Option(min=1, help="Stay, and ask again each so many seconds.", show_default=False)] = None,
    to_stream: Annotated[str | None, typer.Option(help="Put the answers into this Kinesis stream instead.", show_default=False)] = None,
) -> None:
    """Land the weather now at each of EVENT_PLATFORM_WEATHER_PLACES, once or again and again."""
    from event_platform.pulls.kinesis import Stream

    here, stream = environment.read(), Stream(to_stream) if to_stream else None
    if every is None:
        _poll_once(here, tell if len(here.weather_places) > 1 else _tell_landed, stream)
        return
    _warn_of_plan(here, every)
    with until_told_to_end("ended"):
        _poll_each(here, every, stream)


def _poll_once(here: Environment, tell: Callable[[Pulled | Failed], None], stream: Stream | None) -> None:
    from event_platform.pulls.pulled import raise_first
    from event_platform.pulls.weather import poll

    done, failed = poll(here, tell, stream=stream)
    raise_first(failed, len(done) + len(failed))


def _poll_each(here: Environment, every: float, stream: Stream | None) -> None:
    import time

    from event_platform.errors import ConfigurationError

    while True:
        started = time.monotonic()
        try:
            _poll_once(here, tell, stream)
        except (ConfigurationError, UsageError):
            raise
        except PlatformError:  # told already, place by place; the next round may do better
            pass
        time.sleep(max(0.0, started + every - time.monotonic()))


def _warn_of_plan(here: Environment, every: float) -> None:
    per_hour = len(here.weather_places) * 3600 / every
    if per_hour > min(here.tomorrow_calls_per_hour, here.tomorrow_calls_per_day / 24):
        tell(
            f"{len(here.weather_places)} places each {every:g} s are {per_hour:.0f} calls an hour; the plan allows {here.tomorrow_calls_per_hour} "
            f"an hour and {here.tomorrow_calls_per_day} a day, so some will be held back"
        )


@serve_app.command("insights")
def serve_insights(host: HostOption = "127.0.0.1", port: PortOption = 8765) -> None:
    """Answer GET /records?date=YYYY-MM-DD&count=N with made-up records that follow from the date."""
    from event_platform.samples.apis import insights_api, serve

    serve(insights_api(), host, port, lambda url: tell(f"insights API on {url}; for instance {url}/records?date=2026-01-05&count=3"))


@serve_app.command("weather")
def serve_weather(host: HostOption = "127.0.0.1", port: PortOption = 8766) -> None:
    """Answer GET /v4/weather/realtime as Tomorrow.io does, with made-up weather."""
    from event_platform.samples.apis import serve, weather_api

    serve(weather_api(), host, port, lambda url: tell(f"weather API on {url}; EVENT_PLATFORM_TOMORROW_URL={url} polls it"))


def _tell_landed(ended: Pulled | Failed) -> None:
    """Of a single pull that failed the command's error tells."""
    from event_platform.pulls.pulled import Pulled

    if isinstance(ended, Pulled):
        tell(ended)

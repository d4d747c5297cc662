"""Killed between noting, sending and logging: no message is lost, and at most the one in flight comes twice."""

import multiprocessing
import os
import signal
from collections import Counter
from typing import Any

import pytest

from event_platform_tests.alerts.conftest import GALE, NOON, MailServer, Weather

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["event_platform_tests.alerts.conftest", "apprise", "pyiceberg.catalog.sql", "pyiceberg.io.pyarrow"])

STEPS = {"commit": ("event_platform.lake.table", "LakeTable", "commit", 3), "send": ("event_platform.alerts.channels", None, "send", 2)}
"""What is interrupted, where it is found, and how often a round with two messages comes by: it notes both, then sends and logs each."""


def kills() -> list[tuple[str, int, str]]:
    return [(step, number, moment) for step, (*_, calls) in STEPS.items() for number in range(1, calls + 1) for moment in ("before", "after")]


def _arm(step: str, number: int, moment: str) -> None:
    """Make this process kill itself at the boundary."""
    module, of_class, name, _ = STEPS[step]
    holder: Any = __import__(module, fromlist=["_"])
    holder = getattr(holder, of_class) if of_class else holder
    original, calls = getattr(holder, name), 0

    def armed(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(holder, name, armed)


def _round(weather: Weather, address: str, kill: tuple[str, int, str] | None) -> None:
    os.environ |= {"EVENT_PLATFORM_HOME": str(weather.home), "DUTY_URL": address}
    if kill:
        _arm(*kill)
    weather.round(NOON)


def in_child(weather: Weather, address: str, kill: tuple[str, int, str] | None = None) -> int | None:
    """One round in a process of its own; its exit code, negative for the signal that ended it."""
    child = FORKS.Process(target=_round, args=(weather, address, kill))
    child.start()
    child.join()
    return child.exitcode


@pytest.mark.parametrize("kill", kills(), ids=lambda kill: "-".join(map(str, kill)))
def test_a_killed_round_loses_no_message_and_repeats_at_most_the_one_in_flight(
    kill: tuple[str, int, str], weather: Weather, mail: MailServer
) -> None:
    weather.configure(GALE)
    weather.observe(*((place, NOON, {"wind_gust_m_per_s": 25.0}) for place in ("oslo", "bergen")))
    assert in_child(weather, mail.url, kill) == -signal.SIGKILL
    assert in_child(weather, mail.url) == 0
    got = Counter(mail.titles)
    in_flight = kill in {("send", 1, "after"), ("send", 2, "after"), ("commit", 2, "before"), ("commit", 3, "before")}
    assert got.keys() == {"gale: oslo breach", "gale: bergen breach"}
    assert got.total() == (3 if in_flight else 2)
    assert [state for (state,) in weather.log("state")] == ["due", "sent", "due", "sent"]

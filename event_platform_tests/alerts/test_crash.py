"""Killed between noting, sending and logging: no message is lost, and at most the one in flight comes twice."""

import os
import signal
from collections import Counter

import pytest

from event_platform_tests.alerts.conftest import GALE, NOON, MailServer, Weather
from event_platform_tests.kills import Kill, arm, boundaries, in_child

STEPS = {"commit": ("event_platform.lake.table", "LakeTable.commit", 3), "send": ("event_platform.alerts.channels", "send", 2)}
"""What is interrupted, where it is found, and how often a round with two messages comes by: it notes both, then sends and logs each."""

KILLS = boundaries({step: calls for step, (_, _, calls) in STEPS.items()})


def _round(weather: Weather, address: str, kill: Kill | None = None) -> None:
    os.environ |= {"EVENT_PLATFORM_HOME": str(weather.home), "DUTY_URL": address}
    if kill:
        step, number, moment = kill
        arm(*STEPS[step][:2], number, moment)
    weather.round(NOON)


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: "-".join(map(str, kill)))
def test_a_killed_round_loses_no_message_and_repeats_at_most_the_one_in_flight(kill: Kill, weather: Weather, mail: MailServer) -> None:
    weather.configure(GALE)
    weather.observe(*((place, NOON, {"wind_gust_m_per_s": 25.0}) for place in ("oslo", "bergen")))
    assert in_child(_round, weather, mail.url, kill) == -signal.SIGKILL
    assert in_child(_round, weather, mail.url) == 0
    got = Counter(mail.titles)
    in_flight = kill in {("send", 1, "after"), ("send", 2, "after"), ("commit", 2, "before"), ("commit", 3, "before")}
    assert got.keys() == {"gale: oslo breach", "gale: bergen breach"}
    assert got.total() == (3 if in_flight else 2)
    assert [state for (state,) in weather.log("state")] == ["due", "sent", "due", "sent"]

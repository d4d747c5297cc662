"""Killed anywhere, and the files claimed or not before it is started again: stage holds each record once, and each alert is sent once."""

import signal

import pytest

from event_platform import environment
from event_platform.realtime.kinesis.consumer import consume
from event_platform_tests.alerts.conftest import GALE, MailServer, mail  # noqa: F401 - a fixture
from event_platform_tests.kills import Kill, arm, boundaries, in_child
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.kinesis.conftest import NAME, Kinesis, answer, process

STEPS = {
    "place": ("event_platform.lake.files", "place_once", 3),
    "land": ("event_platform.realtime.kinesis.consumer", "land_once", 1),
    "alert": ("event_platform.realtime.kinesis.consumer", "run_round", 2),
    "remember": ("event_platform.realtime.kinesis.checkpoint", "CheckpointFile.write", 1),
}
"""What is interrupted, where it is found, and how often a consumer of three records comes by; it begins with a round of the alerts."""

KILLS = [(kill, is_claimed) for kill in boundaries({step: calls for step, (_, _, calls) in STEPS.items()}) for is_claimed in (False, True)]
IN_EVERY_RUN = [(("land", 1, "after"), False), (("land", 1, "after"), True), (("alert", 2, "after"), True)]


def _consume(kill: Kill | None = None) -> None:
    if kill:
        step, number, moment = kill
        arm(*STEPS[step][:2], number, moment)
    consume(environment.read(), NAME, lambda _: None, until_caught_up=True)


@pytest.mark.parametrize(
    ("kill", "is_claimed"),
    [pytest.param(*each, marks=() if each in IN_EVERY_RUN else pytest.mark.long, id=f"{'-'.join(map(str, each[0]))}-{each[1]}") for each in KILLS],
)
def test_a_consumer_after_a_kill_ends_as_if_nothing_had_happened(
    kill: Kill,
    is_claimed: bool,
    kinesis: Kinesis,
    weather: Pipeline,
    mail: MailServer,  # noqa: F811
) -> None:
    here = environment.read()
    here.home.mkdir()
    (here.home / "alerts.toml").write_text(GALE)
    kinesis.create()
    for place, gust in (("oslo", 25), ("bergen", 26), ("rome", 3)):
        kinesis.put(place, answer(1, windGust=gust))
    assert in_child(_consume, kill) == -signal.SIGKILL
    if is_claimed:
        process(weather)
    assert in_child(_consume) == 0
    process(weather)
    assert weather.sql("SELECT place, count(*) FROM stage.weather GROUP BY ALL ORDER BY ALL") == [("bergen", 1), ("oslo", 1), ("rome", 1)]
    assert sorted(mail.titles) == ["gale: bergen breach", "gale: oslo breach"]
    assert weather.status().balanced

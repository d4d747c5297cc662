"""`watch` while files keep coming: it serves every source, ends when told to, and says whenever it waits."""

from pathlib import Path
from threading import Event, Timer

import pytest

from event_platform import sources
from event_platform.cli import flow
from event_platform_tests.pipeline import Pipeline, line

WITHIN_S = 60
"""A watch that never says so is ended after so long."""


class Load:
    """A payments file lands during each run of the payments, until there were enough; the watch is told to end at a word, for the n-th time."""

    def __init__(self, files: int, stop_at: str, times: int) -> None:
        self.payments, self.files, self.stop_at, self.times = Pipeline(), files, stop_at, times
        self.stop, self.told = Event(), list[str]()

    def tell(self, message: object) -> None:
        self.told.append(str(message))
        if "payments: claimed" in str(message) and self.count("payments: claimed") < self.files:
            self.drop()
        if self.count(self.stop_at) == self.times:
            self.stop.set()

    def drop(self) -> None:
        name = str(self.count("payments: claimed"))
        self.payments.drop(f"{name}.json", [line(name)])

    def count(self, word: str) -> int:
        return sum(word in message for message in self.told)

    def order(self, *words: str) -> list[str]:
        return [word for message in self.told for word in words if word in message]

    def watch(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        monkeypatch.setattr(flow, "tell", self.tell)
        self.drop()
        flow._process_arrivals([sources.get(name) for name in names], self.stop, Event())


def test_it_ends_after_the_run_under_way(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - sets the home
    load = Load(6, "payments: claimed", times=2)
    load.watch(monkeypatch, "payments")
    assert load.count("payments: claimed") == 2


def test_each_source_has_its_turn(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - sets the home
    load = Load(3, "waiting for files", times=1)
    Pipeline(sources.get("weather")).drop("torn.json", ["torn"])
    load.watch(monkeypatch, "payments", "weather")
    assert load.order("payments: claimed", "weather: claimed", "waiting") == [
        "payments: claimed",
        "weather: claimed",
        "payments: claimed",
        "payments: claimed",
        "waiting",
    ]


def test_a_source_that_was_idle_has_its_turn_while_another_is_never_done(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - as above
    load = Load(4, "waiting for files", times=1)
    tell = load.tell

    def land_weather(message: object) -> None:
        tell(message)
        if "payments: claimed" in str(message) and load.count("payments: claimed") == 2:
            Pipeline(sources.get("weather")).drop("torn.json", ["torn"])

    monkeypatch.setattr(load, "tell", land_weather)
    load.watch(monkeypatch, "payments", "weather")
    assert load.order("payments: claimed", "weather: claimed") == [*["payments: claimed"] * 2, "weather: claimed", *["payments: claimed"] * 2]


def test_it_says_whenever_it_waits(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - sets the home
    load = Load(1, "waiting for files", times=2)
    tell = load.tell

    def land_more(message: object) -> None:
        tell(message)
        if "waiting for files" in str(message) and not load.stop.is_set():
            load.drop()

    monkeypatch.setattr(load, "tell", land_more)
    timer = Timer(WITHIN_S, load.stop.set)
    timer.start()
    load.watch(monkeypatch, "payments")
    timer.cancel()
    assert load.order("payments: claimed", "waiting") == ["payments: claimed", "waiting"] * 2

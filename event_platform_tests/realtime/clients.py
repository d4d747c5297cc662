"""Clients as they should be: an event that was not acknowledged is sent again as it was, until it is."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AGAIN_SECONDS = 0.2
EVENTS_A_REQUEST = (1, 40, 200)


class Clients:
    """Threads that post what happens now. Each leaves the events that were acknowledged in a file of JSON lines of its own in `folder`."""

    def __init__(self, url: str, folder: Path, count: int, per_second: float) -> None:
        """`per_second`: about so many events of all of them together. None happen before `go_on_until` says how many."""
        self.acknowledged = self.repeated = 0
        self.begun = time.monotonic()
        self._url, self._folder, self._seconds_an_event = url, folder, count / per_second
        self._over, self._counting, self._failures = threading.Event(), threading.Lock(), list[BaseException]()
        self._may_go_on, self._most = threading.Event(), 0.0
        folder.mkdir()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(count)]
        for each in self._threads:
            each.start()

    def go_on_until(self, acknowledged: float) -> None:
        """Post until about so many events are acknowledged, then wait."""
        with self._counting:
            self._most = acknowledged
            self._may_go_on.set()

    def stop(self) -> None:
        """Bring to an end what was begun: all that was ever sent has been acknowledged when this returns."""
        self._over.set()
        with self._counting:
            self._may_go_on.set()
        for each in self._threads:
            each.join(300)
            assert not each.is_alive()
        assert self._failures == []

    def _run(self, client: int) -> None:
        try:
            with requests.Session() as session, (self._folder / f"{client}.json").open("wb") as kept:
                self._post_on_and_on(client, session, kept.write)
        except BaseException as error:  # noqa: BLE001 - told by `stop`
            self._failures.append(error)

    def _post_on_and_on(self, client: int, session: requests.Session, keep: Callable[[bytes], object]) -> None:
        drawn, request, due = random.Random(client), 0, time.monotonic()
        while self._may_go_on.wait() and not self._over.is_set():
            events = happened(client, request, drawn)
            self._post_until_acknowledged(session, events)
            keep(b"".join(json.dumps(event).encode() + b"\n" for event in events))
            with self._counting:
                self.acknowledged += len(events)
                if self.acknowledged >= self._most and not self._over.is_set():
                    self._may_go_on.clear()
            request, due = request + 1, max(due, time.monotonic() - 1) + len(events) * self._seconds_an_event
            self._over.wait(max(0, due - time.monotonic()))

    def _post_until_acknowledged(self, session: requests.Session, events: list[dict[str, object]]) -> None:
        while True:
            try:
                answer = session.post(self._url, json=events, timeout=30)
            except requests.RequestException:
                pass
            else:
                if answer.ok:
                    assert answer.json()["accepted"] == len(events)
                    return
                assert answer.status_code in (408, 429, 503), answer.text
            self.repeated += 1
            threading.Event().wait(AGAIN_SECONDS)


def happened(client: int, request: int, drawn: random.Random) -> list[dict[str, object]]:
    """Some events of now, each with an id of its own."""
    return [
        {
            "event_id": f"{client}-{request}-{place}",
            "username": f"user-{drawn.randrange(30)}",
            "page": drawn.choice(("/", "/docs", "/cart", "/pay")),
            "event_name": drawn.choice(("click", "page_view", "submit")),
            "event_time": int(time.time()),
        }
        for place in range(drawn.choice(EVENTS_A_REQUEST))
    ]

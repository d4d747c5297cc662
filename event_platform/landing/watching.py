"""Waiting until files can be claimed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from event_platform.errors import TransientError
from event_platform.lake import files
from event_platform.lake.objects import StoredObject
from event_platform.landing.object_queue import ObjectQueue
from event_platform.landing.waiting import PendingFile, look, pending_folder

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

TICK = timedelta(milliseconds=100)
"""How late a watch may notice that a file has settled."""

LONGEST_LOOK = timedelta(seconds=1)
"""How long a watch goes, at most, without looking for itself: for files that a writer has closed, and for events that the kernel lost."""


OBJECTS_TOLD = 1000
"""How many of the objects that wait are remembered as told: one page."""

_log = logging.getLogger(__name__)


def watch(
    environment: Environment, sources: Sequence[Source], stop_event: Event | None = None, *, force_polling: bool | None = None
) -> Iterator[set[str]]:
    """Names of sources with files that have become ready, the moment they do; first those that are ready already.

    A file is told once, as long as it does not change: whoever cannot process it decides when to try again. `force_polling`: look every
    so often instead of asking the kernel, as network file systems need; when None, WATCHFILES_FORCE_POLLING decides. Ends when
    `stop_event` is set; KeyboardInterrupt passes through. Raises TransientError when a pending folder cannot be watched.
    """
    if environment.lake_url:
        yield from _watch_objects(environment, sources, stop_event or Event())
        return
    told: dict[str, set[PendingFile]] = {source.name: set() for source in sources}
    due = dict.fromkeys(told, 0.0)
    for changed in _ticks([pending_folder(environment, source) for source in sources], stop_event, force_polling):
        fresh = set()
        for source in sources:
            if changed or time.monotonic() >= due[source.name]:
                found = look(environment, source)
                due[source.name] = time.monotonic() + min(found.settled_in or LONGEST_LOOK, LONGEST_LOOK).total_seconds()
                fresh |= {source.name} if set(found.ready) - told[source.name] else set()
                told[source.name] = set(found.ready)
        if fresh:
            yield fresh


def _watch_objects(environment: Environment, sources: Sequence[Source], stop_event: Event) -> Iterator[set[str]]:
    """The same of a store, which is asked every so often; while it is away, nothing is told."""
    told: dict[str, set[StoredObject]] = {source.name: set() for source in sources}
    while not stop_event.is_set():
        fresh = set()
        for source in sources:
            try:
                found = set(islice(ObjectQueue(environment, source).ready(), OBJECTS_TOLD))
            except TransientError as error:
                _log.warning("%s", error)
                continue
            fresh |= {source.name} if found - told[source.name] else set()
            told[source.name] = found
        if fresh:
            yield fresh
        stop_event.wait(environment.poll.total_seconds())


def arrivals(environment: Environment, sources: Sequence[Source], stop_event: Event | None = None) -> Iterator[set[str]]:
    """Sets of source names: first all of them, for work that was left; then as `watch` gives them, until `stop_event` is set."""
    yield {source.name for source in sources}
    yield from watch(environment, sources, stop_event)


def _ticks(folders: Sequence[Path], stop_event: Event | None, force_polling: bool | None) -> Iterator[bool]:
    """Whether something happened in the folders, as soon as it does, else every TICK. Folders that are removed are made again."""
    from watchfiles import watch as watched

    while not (stop_event and stop_event.is_set()):
        with files.explained("Watching the pending folders"):
            watching = [files.make_folder(folder).stat().st_ino for folder in folders]
            yield True
            for changes in watched(
                *folders,
                watch_filter=None,
                debounce=100,
                step=10,
                stop_event=stop_event,
                rust_timeout=TICK // timedelta(milliseconds=1),
                yield_on_timeout=True,
                force_polling=force_polling,
            ):
                yield bool(changes)
                if watching != [folder.stat().st_ino if folder.exists() else None for folder in folders]:
                    break

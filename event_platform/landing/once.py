"""Landing what has a name of its own, such as its place in a stream: landed again, it waits once, or is known to the ledger as a repeat."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from event_platform.lake import files
from event_platform.lake.objects import in_threads
from event_platform.landing import queue
from event_platform.landing.object_queue import ObjectQueue
from event_platform.landing.waiting import nanoseconds, pending_folder

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.sources.contract import Source


def land_once(environment: Environment, source: Source, named: Mapping[str, Path]) -> None:
    """Copy files into pending/ under exactly these names; one whose name waits there already is left out. All are durable when this returns.

    A name must stand for the same bytes for ever. The ledger tells a repeat by its bytes and, where the contract reads names, its name. Raises
    PlatformError; what was landed before stays landed.
    """
    with files.explained(f"Landing files in landing/{source.name}/pending/"):
        if environment.lake_url:
            stored = ObjectQueue(environment, source)
            in_threads(lambda each: stored.store.place(each[1], f"{stored.folder}/pending/{each[0]}"), named.items())
        else:
            _land_in_folder(environment, source, named)


def _land_in_folder(environment: Environment, source: Source, named: Mapping[str, Path]) -> None:
    pending = files.make_folder(pending_folder(environment, source))
    incoming = files.make_folder(pending.parent / ".incoming")
    queue.sweep(incoming)
    settled_ns = time.time_ns() - nanoseconds(environment.settle) - len(named)
    for number, (name, path) in enumerate(named.items()):
        files.place_once(files.copy_in(path, incoming, settled_ns + number), pending, name)
    files.make_durable(pending)

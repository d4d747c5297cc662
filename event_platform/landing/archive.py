"""The archive of a source: every file that was ever claimed, as it came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from event_platform.landing.object_queue import ObjectQueue
from event_platform.landing.queue import archive_folder
from event_platform.scratch import passing_folder

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.sources.contract import Source


@contextmanager
def at_hand(environment: Environment, source: Source, landing_files: Iterable[str]) -> Iterator[Path]:
    """A folder of this machine in which these files of the ledger can be read by their names, for as long as the context lasts.

    Raises PermanentError when an archive in a store of objects lacks one of them.
    """
    if not environment.lake_url:
        yield archive_folder(environment, source)
        return
    with passing_folder(environment.scratch, "archive-") as folder:
        ObjectQueue(environment, source).fetch_archived(landing_files, folder)
        yield folder

"""What a claim took, as the ledger will know it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Protocol, TypeVar

from event_platform.landing.inspect import Inspection
from event_platform.landing.waiting import Refused


@dataclass(frozen=True)
class Claimed:
    """A file in the archive. `file_id` is the time of the claim in microseconds since 1970, and so is `claimed_at`, in UTC."""

    landing_date: date
    landing_file: str
    file_id: int
    original_name: str
    claimed_at: datetime
    inspection: Inspection


@dataclass
class Claims:
    """What a claim took, in order of file id, and what it had to leave; `more`: ready files are left for a further claim."""

    files: list[Claimed] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    more: bool = False

    def __iter__(self) -> Iterator[Claimed]:
        """The files."""
        return iter(self.files)


class Sized(Protocol):
    """Something that waits, and how many bytes it is."""

    @property
    def size(self) -> int: ...


Waiting = TypeVar("Waiting", bound=Sized)


def batch(ready: Iterable[Waiting], most_files: int, most_bytes: int) -> Iterator[Waiting]:
    """The first of what waits, at least one: as many as one claim may take."""
    total = 0
    for number, file in enumerate(islice(ready, most_files)):
        total += file.size
        if number and total > most_bytes:
            return
        yield file

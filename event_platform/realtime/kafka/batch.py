"""Messages that have been read and are not landed yet: of each partition lines that grow until they become files."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from event_platform.lake.files import explained
from event_platform.landing import queue
from event_platform.landing.topic_files import Offsets, name_of
from event_platform.scratch import passing_folder

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

MOST_BLANK_LINES = 1_000
"""Where a topic has no messages for more offsets than this, as a compacted one may, another file begins."""


@dataclass
class _File:
    """Lines of consecutive offsets of one partition."""

    topic: str
    topic_id: str
    partition: int
    first: int
    next: int
    lines: list[bytes] = field(default_factory=list)

    @property
    def offsets(self) -> Offsets:
        return Offsets(self.topic, self.topic_id, self.partition, self.first, self.next - 1)


class Batch:
    """Files of one source. `begun` is when the first message came (monotonic seconds), `size` about how many bytes the files are."""

    def __init__(self) -> None:
        """Hold nothing."""
        self.size, self.messages, self.begun = 0, 0, 0.0
        self._growing: dict[tuple[str, int], _File] = {}
        self._grown: list[_File] = []

    def add(self, place: tuple[str, int], topic_id: str, offset: int, line: bytes) -> None:
        """Keep the line of a message at a place, topic and partition; offsets of a place come in their order."""
        file = self._growing.get(place)
        if file is None or offset != file.next:
            file = self._file_until(place, topic_id, offset)
        file.lines.append(line)
        file.next = offset + 1
        self.size += len(line) + 1
        self.messages += 1

    def _file_until(self, place: tuple[str, int], topic_id: str, offset: int) -> _File:
        """The file in which the offset is next: one with blank lines before it, or another."""
        self.begun = self.begun or time.monotonic()
        file = self._growing.get(place)
        if file is None or offset - file.next > MOST_BLANK_LINES:
            if file:
                self._grown.append(file)
            file = self._growing[place] = _File(place[0], topic_id, place[1], offset, offset)
        file.lines += [b""] * (offset - file.next)
        return file

    def land(self, environment: Environment, source: Source) -> list[Offsets]:
        """Put all into pending/, durable when this returns; what landed. Raises what `queue.land` raises. To be done once."""
        whole = [*self._grown, *self._growing.values()]
        with explained(f"Writing messages of {source.name}"), passing_folder(environment.scratch, "consume-") as folder:
            paths = [folder / name_of(file.offsets) for file in whole]
            for path, file in zip(paths, whole, strict=True):
                path.write_bytes(b"\n".join(file.lines) + b"\n")
            queue.land(environment, source, paths)
        return [file.offsets for file in whole]

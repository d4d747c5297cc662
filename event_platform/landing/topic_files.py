"""Files that hold messages of a Kafka topic, a line each, and what their names tell: which topic, which partition, which offsets.

A line's offset is that of the file's first line and how many lines are before it; where the topic has an offset without a message (the end of a
transaction, say) there is a blank line. Whoever reads a topic again, or reads it at the same time as another, lands offsets that have landed
already; the ledger knows them by these names and takes each offset from the file that was landed first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Offsets(NamedTuple):
    """A range of offsets, `first` and `last` included, of one partition. A topic that is made anew under its name has another `topic_id`."""

    topic: str
    topic_id: str
    partition: int
    first: int
    last: int

    @property
    def lines(self) -> int:
        """How many offsets, so how many lines."""
        return self.last - self.first + 1

    @property
    def log(self) -> tuple[str, int]:
        """Within what offsets are unique."""
        return self.topic_id, self.partition


Span = tuple[int, int]
"""First and last, both included."""

# What stands before the topic's name, in a file that is landed from the archive, is that file's id.
_NAME = re.compile(r"(\d+-)?(?P<topic>[a-zA-Z_][\w.-]*)@(?P<topic_id>[\w-]+)@(?P<partition>\d+)@(?P<first>\d{20})-(?P<last>\d+)(~\d+)?\.json")


def name_of(offsets: Offsets) -> str:
    """How a file with these offsets is called; names sort as their offsets do."""
    return f"{offsets.topic}@{offsets.topic_id}@{offsets.partition}@{offsets.first:020}-{offsets.last}.json"


def offsets_in(name: str) -> Offsets | None:
    """What the name of a file tells; None for a file that holds no messages of a topic."""
    found = _NAME.fullmatch(name.rpartition("/")[2])
    if not found or int(found["last"]) < int(found["first"]):
        return None
    return Offsets(found["topic"], found["topic_id"], int(found["partition"]), int(found["first"]), int(found["last"]))


def repeated(files: Sequence[Offsets], known: Iterable[Offsets]) -> list[list[Span]]:
    """Of each file, in order of landing, the offsets that files before it have; `known` landed before all of them."""
    landed: dict[tuple[str, int], list[Span]] = defaultdict(list)
    for offsets in known:
        landed[offsets.log].append((offsets.first, offsets.last))
    before = {log: _joined(spans) for log, spans in landed.items()}
    found = []
    for offsets in files:
        spans = before.get(offsets.log, [])
        found.append(_joined((max(first, offsets.first), min(last, offsets.last)) for first, last in spans))
        before[offsets.log] = _joined([*spans, (offsets.first, offsets.last)])
    return found


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The same numbers in as few spans as can be, in their order; spans that end before they begin are none."""
    joined: list[Span] = []
    for first, last in sorted(span for span in spans if span[0] <= span[1]):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def lines_of(spans: Iterable[Span], first_offset: int) -> tuple[Span, ...]:
    """The numbers of the lines that hold these offsets."""
    return tuple((first - first_offset + 1, last - first_offset + 1) for first, last in spans)


def written(spans: Iterable[Span]) -> str | None:
    """Spans as the ledger has them: `100-149,160-160`; None for none."""
    return ",".join(f"{first}-{last}" for first, last in spans) or None


def read(text: str | None) -> list[Span]:
    """What `written` wrote."""
    spans = (span.split("-") for span in text.split(",")) if text else ()
    return [(int(first), int(last)) for first, last in spans]

"""The log that Spark keeps of a query: which messages each batch has read, and what the watermark was.

A batch's file is written before the batch is worked on, so a batch that is repeated reads the same messages under the same watermark.
Spark's `OffsetSeqLog`: a line `v1`, a line with the batch's metadata, and a line with the offsets after the batch for each source.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from event_platform.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Batch:
    """One batch of a query: the offset after the last message read of each partition, and the watermark (UTC): what ends by then is closed."""

    query: str
    number: int
    watermark: datetime
    ends: Mapping[int, int]

    @property
    def run_id(self) -> str:
        """What the batch's snapshot has as its run."""
        return f"{self.query}/{self.number}"


def query_of(folder: Path) -> str | None:
    """The id of the query that has its checkpoint here, which no other has; None before it was first started."""
    path = folder / "metadata"
    return str(json.loads(path.read_text(encoding="utf-8"))["id"]) if path.exists() else None


def batch(folder: Path, number: int, topic: str) -> Batch:
    """A batch that was planned; batch -1 is what was before the first. Raises PermanentError when Spark has forgotten it."""
    if number < 0:
        return Batch(query_of(folder) or "", number, datetime.fromtimestamp(0, UTC), {})
    try:
        _, metadata, *offsets = (folder / "offsets" / str(number)).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise PermanentError(
            f"Batch {number} is not in the checkpoint {folder}. Forget that with --anew: all that the topic holds is counted again."
        ) from error
    watermark = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=json.loads(metadata)["batchWatermarkMs"])
    (read,) = (json.loads(each)[topic] for each in offsets)
    return Batch(query_of(folder) or "", number, watermark, {int(partition): end for partition, end in read.items()})


def last_done(folder: Path) -> int:
    """The last batch that was done; -1 for none."""
    return max((int(path.name) for path in (folder / "commits").glob("[0-9]*")), default=-1)

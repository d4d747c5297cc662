"""How far a stream has landed: `landing/<source>/streams/<stream>.json` in the lake, written once what it tells is durable.

It spares work and no more: without it a stream is read from its oldest record, and what has landed before is known by its name.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from event_platform.lake import files
from event_platform.lake.objects import object_store
from event_platform.lake.storage import root
from event_platform.scratch import passing_folder

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.realtime.kinesis.stream import Batch
    from event_platform.sources.contract import Source

KEYS_REMEMBERED = 1_000
"""Those whose records came last; strangers may put records under ever new ones."""

_log = logging.getLogger(__name__)


class Landed(NamedTuple):
    """The last record of a key: its file's name, its bytes' hash, and when it had arrived (ISO 8601, UTC)."""

    name: str
    sha256: str
    arrived_at: str


@dataclass
class Checkpoint:
    """What was landed of the stream created at that time: by shard the last sequence number, the shards that ended, by key the last record."""

    created_at: str
    after: dict[str, str] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    latest: dict[str, Landed] = field(default_factory=dict)

    def note(self, batches: Iterable[Batch]) -> None:
        """Count these batches as landed."""
        for batch in batches:
            if batch.records:
                self.after[batch.shard] = batch.records[-1].sequence
            if batch.ended and batch.shard not in self.ended:
                self.ended.append(batch.shard)

    def forget_other_than(self, shards: Iterable[str]) -> None:
        """Forget shards that are gone."""
        there = set(shards)
        self.after = {shard: after for shard, after in self.after.items() if shard in there}
        self.ended = [shard for shard in self.ended if shard in there]

    def remember(self, key: str, landed: Landed) -> None:
        """Take this for the last record of its key."""
        self.latest.pop(key, None)
        self.latest[key] = landed
        if len(self.latest) > KEYS_REMEMBERED:
            del self.latest[next(iter(self.latest))]

    def repeated(self, key: str, sha256: str, arrived_at: datetime, within: timedelta) -> str | None:
        """The name of the last record of the key if that has the same bytes and arrived so shortly before."""
        last = self.latest.get(key)
        if last and last.sha256 == sha256 and abs(arrived_at - datetime.fromisoformat(last.arrived_at)) <= within:
            return last.name
        return None


class CheckpointFile:
    """Where the checkpoint of one stream is kept: beside the queue of its source, on this machine or in a store of objects."""

    def __init__(self, environment: Environment, source: Source, stream: str) -> None:
        """Read nothing yet."""
        self._environment, self._name = environment, f"landing/{source.name}/streams/{stream}.json"
        self._path = environment.landing / source.name / "streams" / f"{stream}.json"

    def read(self, created_at: str) -> Checkpoint:
        """What was written last, if it is about the stream that was created then; else nothing has landed. Raises PlatformError."""
        try:
            told = json.loads(self._content() or b"{}")
            known = Checkpoint(**{**told, "latest": {key: Landed(*last) for key, last in told.get("latest", {}).items()}}) if told else None
        except (ValueError, TypeError, AttributeError):
            known = None
            _log.warning("%s is damaged; the stream is read from its oldest record, which doubles nothing", self._name)
        return known if known and known.created_at == created_at else Checkpoint(created_at)

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace it in one step; durable when this returns. Raises PlatformError."""
        content = json.dumps(asdict(checkpoint), indent=1)
        if self._environment.lake_url:
            with passing_folder(self._environment.scratch, "checkpoint-") as folder:
                (passing := folder / "checkpoint").write_text(content, encoding="utf-8")
                object_store(root(self._url)).upload(passing, self._url)
            return
        with files.explained(f"Writing {self._name}"):
            files.make_folder(self._path.parent)
            files.write_whole(self._path, content)

    @property
    def _url(self) -> str:
        return f"{self._environment.lake_url}/{self._name}"

    def _content(self) -> bytes | None:
        if self._environment.lake_url:
            return object_store(root(self._url)).read(self._url)
        with files.explained(f"Reading {self._name}"):
            return self._path.read_bytes() if self._path.exists() else None

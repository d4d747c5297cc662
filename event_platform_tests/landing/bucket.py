"""The landing in a store of objects, and the ledger of who claims from it."""

from collections.abc import Iterable
from datetime import UTC, datetime

from event_platform import environment, sources, tables
from event_platform.engines.duckdb import connect
from event_platform.lake.catalog import Lake
from event_platform.lake.objects import ObjectStore, object_store
from event_platform.landing import claiming, ledger, queue
from event_platform.landing.claims import Claimed, Claims
from event_platform.landing.object_queue import ObjectQueue

DAY = datetime.now(UTC).date()


class Bucket:
    """The landing of payments in the lake that the process is told of, and short ways to use it."""

    def __init__(self) -> None:
        self.environment, self.source = environment.read(), sources.get("payments")

    @property
    def here(self) -> ObjectQueue:
        return ObjectQueue(self.environment, self.source)

    @property
    def store(self) -> ObjectStore:
        return object_store("s3://lake")

    def drop(self, name: str, content: bytes = b"{}\n") -> None:
        """Put an object into pending/ as a stranger would."""
        assert self.store.create(f"{self.here.folder}/pending/{name}", content)

    def contents(self, folder: str) -> dict[str, bytes]:
        found = self.store.list(f"{self.here.folder}/{folder}")
        return {each.url.removeprefix(f"{self.here.folder}/{folder}/"): self.store.read(each.url) or b"" for each in found}

    @property
    def archived(self) -> dict[str, bytes]:
        """Everything in the archive: original names and bytes."""
        return {name.split("-", 3)[3]: content for name, content in self.contents("processed").items()}

    def claim(self, claimer: str = "me", next_file_id: int = 0, **limits: int) -> Claims:
        return queue.claim(self.environment, self.source, DAY, next_file_id, claimer=claimer, **limits)

    def adopt(self, claimer: str = "me", last_entered: int = 0) -> list[Claimed]:
        return queue.adopt(self.environment, self.source, lambda: last_entered, claimer)

    def release(self, entered: Iterable[Claimed], claimer: str = "me") -> None:
        queue.release(self.environment, self.source, claimer, entered)

    def names(self) -> list[str]:
        return [file.name for file in queue.pending(self.environment, self.source).ready]


class Ledger:
    """What a claimer enters: the ledger of the home that the process is told of."""

    def __init__(self) -> None:
        self.lake, self.source = Lake(environment.read()), sources.get("payments")

    def claim(self) -> list[ledger.LandedFile]:
        with connect(self.lake.environment) as duck:
            return claiming.claim_pending(self.lake, self.source, duck, "run")

    def rows(self) -> list[tuple[str, int]]:
        if not self.lake.exists(tables.ledger(self.source)):
            return []
        with connect(self.lake.environment) as duck:
            return [(file.original_name, file.lines) for file in ledger.read(self.lake, self.source, duck)]

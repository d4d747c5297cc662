"""The queue of a source in a store of objects, where there is no renaming: a claim is written down before it is carried out.

`claim.json` beside pending/ names the files of the claim under way and where in the archive each will be. It is created on the condition that
there is none, so it is also what keeps two claimers apart. In this order:

1. the oldest files are fetched, in the version listed, and inspected;
2. `claim.json` is created; if there is one, somebody else is claiming, and nothing was done. While it is there nothing else is entered in this
   ledger, so if the ids in it are greater than the ledger's they stay so; if others were quicker and they are not, it is deleted;
3. each file is moved, in that version alone: one that vanished or changed stays where it is;
4. the ledger's commit makes the claim true;
5. `claim.json` is deleted.

Whoever claims next for the same ledger carries out what a claim that died had written down (3 to 5), which changes nothing where it had been done.
A claim for another ledger is never touched.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from event_platform.errors import ConflictError, PermanentError, TransientError
from event_platform.lake import files
from event_platform.lake.files import shown
from event_platform.lake.objects import StoredObject, in_threads, object_store
from event_platform.lake.storage import cache, root
from event_platform.landing.claims import Claimed, Claims, batch
from event_platform.landing.inspect import Inspection, inspect
from event_platform.landing.names import archived_name, date_of, is_unfinished, read_archived_name
from event_platform.landing.waiting import EPOCH, Pending, PendingFile, Refused, nanoseconds
from event_platform.scratch import passing_folder

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

_log = logging.getLogger(__name__)


class ClaimedObject(NamedTuple):
    """A file of a claim under way: the object in pending/ as it was listed, and its place in the archive (`date=…/<id>-<name>`)."""

    url: str
    size: int
    modified: str
    version: str
    landing_file: str

    @property
    def pending(self) -> StoredObject:
        """The object in pending/."""
        return StoredObject(self.url, self.size, datetime.fromisoformat(self.modified), self.version)


@dataclass(frozen=True)
class ClaimUnderWay:
    """What `claim.json` says: for which ledger the claim is, since when, and its files."""

    claimer: str
    since: str
    files: tuple[ClaimedObject, ...]

    def to_json(self) -> bytes:
        """As it is written."""
        return json.dumps(asdict(self), indent=0).encode()

    @classmethod
    def of(cls, content: bytes) -> ClaimUnderWay:
        """As it is read."""
        told = json.loads(content)
        return cls(told["claimer"], told["since"], tuple(ClaimedObject(*each) for each in told["files"]))


class ObjectQueue:
    """The pending files and the archive of one source."""

    def __init__(self, environment: Environment, source: Source) -> None:
        """Nothing is asked of the store yet. Raises ConfigurationError for a store that is not known."""
        self.environment, self.name = environment, source.name
        self.folder = f"{environment.lake_url}/landing/{source.name}"
        self.store = object_store(root(self.folder))
        self.cache = cache(environment)

    @property
    def claim_url(self) -> str:
        """Where the claim under way is written down."""
        return f"{self.folder}/claim.json"

    def archived_url(self, landing_file: str) -> str:
        """Where a file of the ledger is."""
        return f"{self.folder}/processed/{landing_file}"

    # Waiting.

    def ready(self) -> Iterator[StoredObject]:
        """The objects that can be claimed, in order of their names, page by page."""
        settled = datetime.now(UTC) - self.environment.settle if self.store.grows else None
        for found in self.store.list(f"{self.folder}/pending"):
            if not any(map(is_unfinished, self._name(found.url).split("/"))) and (settled is None or found.modified <= settled):
                yield found

    def pending(self) -> Pending:
        """All of them, in order of arrival."""
        found = sorted(self.ready(), key=_arrival)
        return Pending([PendingFile(Path(name := self._name(each.url)), name, each.size, nanoseconds(each.modified - EPOCH)) for each in found])

    def count(self) -> int:
        """How many files wait."""
        return sum(1 for _ in self.ready())

    def has_ready(self, claimer: str) -> bool:
        """Whether a claim would take something; not while somebody else is claiming."""
        return any(True for _ in self.ready()) and self.under_way(claimer) is None

    def names_not_entered(self) -> list[str]:
        """Names of the files in pending/, then of those that a claim under way moves from there."""
        waiting = [self._name(found.url) for found in self.ready()]
        claim = self.under_way()
        return waiting + [self._name(entry.url) for entry in (claim.files if claim else ())]

    def _name(self, url: str) -> str:
        return url.removeprefix(f"{self.folder}/pending/")

    def under_way(self, other_than: str = "") -> ClaimUnderWay | None:
        """The claim under way, if it is another claimer's."""
        content = self.store.read(self.claim_url)
        claim = ClaimUnderWay.of(content) if content else None
        return claim if claim and claim.claimer != other_than else None

    def is_claimed_by(self, claimer: str) -> bool:
        """Whether a claim of this claimer is under way, or died."""
        claim = self.under_way()
        return claim is not None and claim.claimer == claimer

    def dates_under_way(self) -> frozenset[date]:
        """The landing dates of the claim under way."""
        claim = self.under_way()
        return frozenset(date_of(entry.landing_file.partition("/")[0]) for entry in (claim.files if claim else ()))

    # Landing.

    def land(self, wanted: Sequence[tuple[Path, str]], progress: Callable[[Path, int], None] | None = None) -> Iterator[Path]:
        """Upload files one after the other, each to a name that is free; their names in pending/. A large file goes in parts, some at once."""
        for path, name in wanted:
            with files.explained(f"Landing {shown(path.name)}"):
                yield self._land(path, shown(name), progress)

    def _land(self, path: Path, name: str, progress: Callable[[Path, int], None] | None) -> Path:
        before, sent, number = files.version(path.stat()), 0, 1

        def tell(more: int) -> None:
            nonlocal sent
            sent += more
            if progress:
                progress(path, sent)

        while not self.store.place(path, url := f"{self.folder}/pending/{files.numbered(name, number)}", tell):
            number += 1
        if files.version(path.stat()) != before:
            self.store.delete([url])
            raise TransientError(f"{shown(path.name)} changed while it was uploaded. Land it again once it is complete.")
        return Path(self._name(url))

    # Claiming.

    def claim(self, claimer: str, landing_date: date, next_file_id: int, most_files: int, most_bytes: int, last_entered: Callable[[], int]) -> Claims:
        """Move the files that have waited longest to the archive, as `queue.claim` says; no more bytes than half the cache holds.

        Raises ConflictError, and claims nothing, when greater ids than its own were entered meanwhile.
        """
        if self.under_way():
            _log.warning("%s is being claimed by somebody else", self.name)
            return Claims()
        oldest = nsmallest(most_files + 1, self.ready(), key=_arrival)
        chosen = list(batch(oldest, most_files, min(most_bytes, self.environment.cache_bytes // 2)))
        claims = Claims(more=len(chosen) < len(oldest))
        if not chosen:
            return claims
        with passing_folder(self.environment.scratch, "claim-") as folder:
            fetched = self._fetched(chosen, folder, claims)
            if not fetched:
                return claims
            written_down = self._written_down(fetched, claimer, landing_date, next_file_id)
            if not self.store.create(self.claim_url, written_down.to_json()):
                _log.warning("%s is being claimed by somebody else", self.name)
                return Claims()
            if _file_id(written_down.files[0].landing_file) <= last_entered():
                self._forget(written_down)
                raise ConflictError(f"Others claimed files of {self.name} at the same moment. Nothing was claimed; run again.")
            versions = in_threads(self._moved, written_down.files)
            kept = []
            for entry, version, (path, inspection) in zip(written_down.files, versions, fetched.values(), strict=True):
                if version is None:
                    self._refuse(claims, entry.url)
                else:
                    kept.append((path, self.cache.path(self.archived_url(entry.landing_file), version)))
                    claims.files.append(_claimed(entry.landing_file, inspection))
            self.cache.adopt(kept)
        if not claims.files:
            self._forget(written_down)
        return claims

    def _fetched(self, chosen: Sequence[StoredObject], folder: Path, claims: Claims) -> dict[StoredObject, tuple[Path, Inspection]]:
        """Copies of the objects in the versions listed, inspected; those that vanished or changed are refused."""
        numbered = list(enumerate(chosen))
        with files.explained(f"Fetching files of {self.name}"):
            versions = in_threads(lambda each: self.store.download(each[1].url, folder / str(each[0]), each[1].version), numbered)
            there = {found: folder / str(number) for number, found in numbered if versions[number]}
            inspections = self._inspected(there.values())
        for found in chosen:
            if found not in there:
                self._refuse(claims, found.url)
        return {found: (path, inspection) for (found, path), inspection in zip(there.items(), inspections, strict=True)}

    def _inspected(self, paths: Iterable[Path]) -> list[Inspection]:
        with ThreadPoolExecutor(self.environment.threads or os.cpu_count()) as threads:
            return list(threads.map(inspect, paths))

    def _written_down(
        self, fetched: dict[StoredObject, tuple[Path, Inspection]], claimer: str, landing_date: date, next_file_id: int
    ) -> ClaimUnderWay:
        first_id = max(next_file_id, time.time_ns() // 1000)
        entries = []
        for file_id, (found, (_, inspection)) in enumerate(fetched.items(), first_id):
            landing_file = f"date={landing_date}/{archived_name(file_id, self._name(found.url), inspection.compression)}"
            entries.append(ClaimedObject(found.url, found.size, found.modified.isoformat(), found.version, landing_file))
        return ClaimUnderWay(claimer, datetime.now(UTC).isoformat(timespec="seconds"), tuple(entries))

    def _moved(self, entry: ClaimedObject) -> str | None:
        return self.store.move(entry.pending, self.archived_url(entry.landing_file))

    def _refuse(self, claims: Claims, url: str) -> None:
        refused = Refused(Path(self._name(url)), "it vanished or changed while it was claimed")
        claims.refused.append(refused)
        _log.warning("%s", refused)

    # Adopting.

    def adopt(self, claimer: str, last_entered: Callable[[], int]) -> list[Claimed]:
        """Carry out what a dead claim of the claimer wrote down, and give what of it is not in the ledger, as that claim would have.

        The ledger is asked after the claim was read: what is entered once the claim is there, is entered from it.
        """
        claim = self.under_way()
        if claim is None or claim.claimer != claimer:
            return []
        last = last_entered()
        left = [entry for entry in claim.files if _file_id(entry.landing_file) > last]
        versions = in_threads(self._moved, left)
        there = {entry.landing_file: version for entry, version in zip(left, versions, strict=True) if version is not None}
        if not there:
            self._forget(claim)
        inspections = self._inspected(self._copies(there))
        return [_claimed(landing_file, inspection) for landing_file, inspection in zip(there, inspections, strict=True)]

    def release(self, claimer: str, file_ids: Collection[int]) -> None:
        """Delete what was written down, now that the ledger has files with these ids from it."""
        claim = self.under_way()
        if claim and claim.claimer == claimer and any(_file_id(entry.landing_file) in file_ids for entry in claim.files):
            self._forget(claim)

    def _forget(self, claim: ClaimUnderWay) -> None:
        """Delete what was written down, and nothing that was written down since."""
        found = self.store.find(self.claim_url)
        if found and self.under_way() == claim:
            self.store.remove(found)

    # The archive.

    def _copies(self, versions: dict[str, str]) -> list[Path]:
        """Copies on this machine of archived files, given with their versions."""

        def fetch(url: str, path: Path) -> None:
            if self.store.download(url, path) is None:
                raise _lost(url)

        urls = {self.archived_url(landing_file): version for landing_file, version in versions.items()}
        copies = {url: self.cache.path(url, version) for url, version in urls.items()}
        self.cache.fetch((path, lambda path, url=url: fetch(url, path)) for url, path in copies.items())  # type: ignore[misc] # mypy: default of a lambda
        return [*copies.values()]

    def fetch_archived(self, landing_files: Iterable[str], folder: Path) -> None:
        """Link copies of archived files, as they are now, into a folder, under the same names. Raises PermanentError for one that is not there."""
        wanted = sorted(set(landing_files))
        versions = {name: version for name, version in self._versions(wanted).items() if name in set(wanted)}
        if missing := [name for name in wanted if name not in versions]:
            raise _lost(self.archived_url(missing[0]))
        with files.explained(f"Linking archived files of {self.name}"):
            for name, copy in zip(versions, self._copies(versions), strict=True):
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).hardlink_to(copy)

    def _versions(self, wanted: Sequence[str]) -> dict[str, str]:
        """The versions of the archived files from the first wanted to the last of each date: names begin with ids, so they lie together."""
        versions = {}
        for day in sorted({name.partition("/")[0] for name in wanted}):
            names = [name for name in wanted if name.startswith(f"{day}/")]
            for found in self.store.list(self.archived_url(day), begin=names[0].partition("/")[2]):
                name = found.url.removeprefix(self.archived_url(""))
                if name > names[-1]:
                    break
                versions[name] = found.version
        return versions


def _arrival(found: StoredObject) -> tuple[datetime, str]:
    return found.modified, found.url


def _file_id(landing_file: str) -> int:
    return read_archived_name(landing_file.partition("/")[2])[0]


def _claimed(landing_file: str, inspection: Inspection) -> Claimed:
    folder, _, name = landing_file.partition("/")
    file_id, original_name, _ = read_archived_name(name)
    return Claimed(date_of(folder), landing_file, file_id, original_name, EPOCH + timedelta(microseconds=file_id), inspection)


def _lost(url: str) -> PermanentError:
    return PermanentError(f"{url} is in the ledger but not in the archive. Put it back from a copy; its lines cannot be staged without it.")

"""Files land, wait and are claimed in a store of objects, once each."""

import gzip
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from event_platform.errors import PermanentError, UsageError
from event_platform.landing import claiming, queue
from event_platform.landing.archive import at_hand
from event_platform.landing.claims import Claimed
from event_platform_tests.landing.bucket import DAY, Bucket, Ledger
from event_platform_tests.landing.conftest import meanwhile
from event_platform_tests.on_s3 import Asked
from infra import SeaweedFS

pytestmark = pytest.mark.server


def test_landed_files_wait_under_names_that_are_free(bucket: Bucket, tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.json").write_text(folder)
        (tmp_path / folder / ".hidden").touch()
    landed = queue.land(bucket.environment, bucket.source, [tmp_path / "x", tmp_path / "y"])
    assert [path.name for path in landed] == ["a.json", "a~2.json"]
    assert bucket.contents("pending") == {"a.json": b"x", "a~2.json": b"y"}
    with pytest.raises(UsageError, match="is not there"):
        queue.land(bucket.environment, bucket.source, [tmp_path / "nowhere"])


def test_a_name_that_is_no_text_can_be_landed(bucket: Bucket, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\n.json")
    path.write_bytes(b"{}\n")
    queue.land(bucket.environment, bucket.source, [path])
    assert [file.original_name for file in bucket.claim()] == ["%FF%0A.json"]


def test_hidden_and_unfinished_names_are_left_alone(bucket: Bucket) -> None:
    for name in (".a", "b.tmp", "c.part/d.json", "e/f.json", "g.json"):
        bucket.drop(name)
    assert sorted(bucket.names()) == ["e/f.json", "g.json"]
    assert sorted(file.original_name for file in bucket.claim()) == ["e/f.json", "g.json"]


def test_a_claim_moves_inspects_and_is_remembered_until_it_is_entered(bucket: Bucket) -> None:
    bucket.drop("a.json", b"{}\n\n{}")
    bucket.drop("b.gz", b"{}\n")
    bucket.drop("c.json", gzip.compress(b"{}\n", mtime=0))
    claims = bucket.claim()
    assert [(file.original_name, file.inspection.lines) for file in claims] == [("a.json", 3), ("b.gz", 1), ("c.json", 1)]
    assert [file.landing_file.split("-", 3)[3] for file in claims] == ["a.json", "b.gz%.plain", "c.json%.gz"]
    assert len({file.file_id for file in claims}) == 3
    assert (bucket.contents("pending"), bucket.archived["a.json"]) == ({}, b"{}\n\n{}")
    assert bucket.adopt() == claims.files
    bucket.release([replace(claims.files[0], file_id=1)])
    assert bucket.adopt() == claims.files
    assert queue.dates_not_entered(bucket.environment, bucket.source, 0) == {DAY}
    bucket.release(claims)
    assert bucket.adopt() == []
    assert queue.dates_not_entered(bucket.environment, bucket.source, 0) == frozenset()
    assert bucket.store.read(bucket.here.claim_url) is None


def test_a_backlog_is_worked_off_in_batches_of_files_and_of_what_the_disk_may_hold(bucket: Bucket) -> None:
    for number in range(5):
        bucket.drop(f"{number}.json", b"x" * 100)
    bucket.environment = replace(bucket.environment, cache_bytes=500)
    taken = []
    for limits in ({"most_files": 1}, {}, {}):
        claims = bucket.claim(**limits)
        taken.append((len(claims.files), len(bucket.names())))
        bucket.release(claims)
    assert taken == [(1, 4), (2, 2), (2, 0)]


def drop_many(bucket: Bucket, filer: str, count: int) -> None:
    """Put so many objects into pending/, as strangers would in the course of days."""
    prefix = urlsplit(f"{bucket.here.folder}/pending").path

    def some(numbers: range) -> None:
        with closing(HTTPConnection(urlsplit(filer).netloc)) as connection:
            for number in numbers:
                _put(connection, f"/buckets/lake{prefix}/{number:06d}.json")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(some, (range(first, count, 4) for first in range(4))))


@retry(wait=wait_fixed(1), stop=stop_after_attempt(20), retry=retry_if_exception_type(AssertionError))
def _put(connection: HTTPConnection, path: str) -> None:
    """The server says 500 when it is busy making room."""
    connection.request("PUT", path, b"{}\n")
    with connection.getresponse() as answer:
        answer.read()
        assert answer.status < 300


@pytest.mark.parametrize("files", [1_200, pytest.param(100_000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])])
def test_many_files_are_listed_page_by_page_and_the_first_claimed(bucket: Bucket, asked: list[Asked], s3: SeaweedFS, files: int) -> None:
    drop_many(bucket, s3.filer, files)
    pages, lake = -(-files // 1000), Ledger().lake
    assert claiming.count_pending(lake, bucket.source) == files
    assert taken(asked) == {"ListObjectsV2": pages}
    assert claiming.has_pending_files(lake, bucket.source)
    assert taken(asked) == {"ListObjectsV2": 1, "GetObject": 1}, "a page, and whether somebody is claiming"
    oldest = bucket.names()
    assert len(oldest) == files
    asked.clear()
    claims = bucket.claim(most_files=10)
    assert ([file.original_name for file in claims], claims.more) == (oldest[:10], True)
    requests = taken(asked)
    assert requests.pop("ListObjectsV2") == pages
    assert requests.total() <= 4 * 10, "each file claimed is fetched, copied and deleted, and the claim written down"


def taken(asked: list[Asked]) -> Counter[str]:
    """How often what was asked since the last time."""
    counted = Counter(operation for operation, _ in asked)
    asked.clear()
    return counted


def test_ids_follow_those_that_were_entered_though_the_clock_went_back(bucket: Bucket) -> None:
    bucket.drop("a.json")
    bucket.drop("b.json")
    assert [file.file_id for file in bucket.claim(next_file_id=10**16)] == [10**16, 10**16 + 1]


def test_nobody_claims_while_another_does(bucket: Bucket) -> None:
    bucket.drop("a.json")
    claimed = bucket.claim("one").files
    bucket.drop("b.json")
    assert (bucket.claim("two").files, bucket.adopt("two")) == ([], [])
    bucket.release(claimed, "two")
    assert bucket.adopt("one") == claimed
    assert not bucket.here.has_ready("two")
    bucket.release(claimed, "one")
    assert [file.original_name for file in bucket.claim("two")] == ["b.json"]


def test_a_claim_that_comes_second_takes_nothing(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.drop("a.json")
    first: list[Claimed] = []
    meanwhile(monkeypatch, type(bucket.store), "create", lambda: first.extend(bucket.claim("one").files))
    assert bucket.claim("two").files == []
    assert len(first) == 1
    assert list(bucket.archived) == ["a.json"]


@pytest.mark.parametrize("moment", ["download", "create"])
def test_files_that_vanish_or_change_meanwhile_stay_as_they_are(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, moment: str, tmp_path: Path) -> None:
    for name in ("changes.json", "stays.json", "vanishes.json"):
        bucket.drop(name)
    (tmp_path / "new").write_bytes(b"[]\n")

    def act() -> None:
        bucket.store.delete([f"{bucket.here.folder}/pending/vanishes.json"])
        bucket.store.upload(tmp_path / "new", f"{bucket.here.folder}/pending/changes.json")

    meanwhile(monkeypatch, type(bucket.store), moment, act)
    claims = bucket.claim()
    assert [file.original_name for file in claims] == ["stays.json"]
    assert sorted(refused.path.name for refused in claims.refused) == ["changes.json", "vanishes.json"]
    assert bucket.contents("pending") == {"changes.json": b"[]\n"}
    bucket.release(claims)
    assert [file.original_name for file in bucket.claim()] == ["changes.json"]


def test_a_claim_of_which_nothing_is_left_is_forgotten(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.drop("a.json")
    meanwhile(monkeypatch, type(bucket.store), "create", lambda: bucket.store.delete([f"{bucket.here.folder}/pending/a.json"]))
    assert bucket.claim().files == []
    assert bucket.here.under_way() is None


def test_archived_files_are_at_hand_as_they_are_now(bucket: Bucket, tmp_path: Path) -> None:
    for name in ("a.json", "b.json", "c.json"):
        bucket.drop(name)
    first, second, third = (file.landing_file for file in bucket.claim())
    (tmp_path / "mended").write_bytes(b"mended")
    bucket.store.upload(tmp_path / "mended", bucket.here.archived_url(second))
    with at_hand(bucket.environment, bucket.source, [second, first]) as folder:
        assert {path.name.split("-")[1]: path.read_bytes() for path in folder.glob("*/*")} == {"a.json": b"{}\n", "b.json": b"mended"}
    assert not folder.exists()
    bucket.store.delete([bucket.here.archived_url(third)])
    with pytest.raises(PermanentError, match="in the ledger but not in the archive"), at_hand(bucket.environment, bucket.source, [first, third]):
        pass

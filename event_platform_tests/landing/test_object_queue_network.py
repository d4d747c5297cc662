"""Whatever the network does to a store of objects, each file is landed and claimed once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from event_platform import tables
from event_platform.errors import TransientError
from event_platform.landing import claiming, queue
from event_platform.landing.watching import watch
from event_platform_tests.faulty_proxy import Proxy
from event_platform_tests.landing.bucket import Bucket, Ledger

pytestmark = pytest.mark.server


@pytest.mark.parametrize("kind", ["slow down", "before", "lost"])
def test_a_claim_gets_through_a_bad_network(bucket: Bucket, proxy: Proxy, kind: str) -> None:
    for name in ("a.json", "b.json"):
        bucket.drop(name, name.encode() * 1000)
    for request in ("PUT claim.json", "PUT processed", "DELETE pending", "GET pending", "GET list-type", "DELETE claim.json"):
        proxy.fail(*request.split(), kind, times=2)
    proxy.fail("GET", "pending/a.json", "middle", times=2)
    Ledger().claim()
    assert sorted(Ledger().rows()) == [("a.json", 1), ("b.json", 1)]
    assert {name: len(content) for name, content in bucket.archived.items()} == {"a.json": 6000, "b.json": 6000}
    assert bucket.contents("pending") == {}


@pytest.mark.parametrize("request_", ["GET pending/", "PUT processed", "PUT .parquet", "DELETE claim.json"])
def test_a_claim_that_the_network_ended_is_finished_once_it_is_back(bucket: Bucket, proxy: Proxy, request_: str) -> None:
    Ledger().lake.open(tables.ledger(bucket.source))
    for name in ("a.json", "b.json"):
        bucket.drop(name, name.encode())
    proxy.fail(*request_.split(), "slow down", times=15)
    with pytest.raises(TransientError, match="busy"):
        Ledger().claim()
    proxy.faults.clear()
    Ledger().claim()
    assert sorted(Ledger().rows()) == [("a.json", 1), ("b.json", 1)]
    assert sorted(bucket.archived) == ["a.json", "b.json"]
    assert bucket.contents("pending") == {}


def test_a_landing_that_is_cut_lands_nothing_twice(bucket: Bucket, proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}\n")
    proxy.fail("PUT", "pending/a.json", "lost", times=2)
    proxy.fail("PUT", "pending/a.json", "before", times=1)
    assert [path.name for path in queue.land(bucket.environment, bucket.source, [tmp_path / "a.json"])] == ["a.json"]
    assert bucket.contents("pending") == {"a.json": b"{}\n"}


def test_a_watch_tells_what_comes_and_survives_a_server_that_is_away(bucket: Bucket, proxy: Proxy) -> None:
    told: Iterator[set[str]] = watch(bucket.environment, [bucket.source])
    bucket.drop("a.json")
    assert next(told) == {"payments"}
    proxy.fail("GET", "list-type", "slow down", times=5)
    bucket.drop("b.json")
    assert next(told) == {"payments"}
    assert claiming.wait_for_files(Ledger().lake, bucket.source, 5)

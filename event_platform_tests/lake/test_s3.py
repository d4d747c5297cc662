"""Objects on S3: whole or not at all, nothing replaced that should not be, and bad networks told apart from wrong settings."""

import os
import pickle
from pathlib import Path
from uuid import uuid4

import pytest

from event_platform.errors import ConfigurationError, TransientError
from event_platform.lake.s3 import PART_BYTES, S3
from event_platform_tests.faulty_proxy import Proxy

pytestmark = pytest.mark.server


@pytest.fixture
def folder(s3) -> str:
    return f"s3://{s3.bucket}/{uuid4().hex}"


def listed(folder: str) -> list[str]:
    return [found.url.removeprefix(f"{folder}/") for found in S3().list(folder)]


def test_an_object_is_created_once(folder: str) -> None:
    store = S3()
    assert store.create(f"{folder}/a", b"one")
    assert not store.create(f"{folder}/a", b"two")
    assert store.create(f"{folder}/a", b"one")
    assert (store.read(f"{folder}/a"), store.read(f"{folder}/b")) == (b"one", None)


def test_a_placed_file_replaces_nothing_and_an_upload_does(folder: str, tmp_path: Path) -> None:
    store, path = S3(), tmp_path / "file"
    path.write_bytes(b"one")
    assert store.place(path, f"{folder}/a")
    path.write_bytes(b"two")
    assert not store.place(path, f"{folder}/a")
    assert store.read(f"{folder}/a") == b"one"
    store.upload(path, f"{folder}/a")
    assert store.read(f"{folder}/a") == b"two"


def test_a_large_file_goes_in_parts_both_ways(folder: str, tmp_path: Path) -> None:
    store, path, back = S3(), tmp_path / "file", tmp_path / "back"
    path.write_bytes(os.urandom(2 * PART_BYTES + 12345))
    sent: list[int] = []
    assert store.place(path, f"{folder}/a", sent.append)
    assert not store.place(path, f"{folder}/a")
    assert sum(sent) == path.stat().st_size
    assert store.download(f"{folder}/a", back) is not None
    assert back.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["a b+c&d=é.json", "q?x#y%41.json", "deep/er/~2.json", "日本.json", "'quoted\"<&>.json"])
def test_names_may_hold_anything(folder: str, name: str, tmp_path: Path) -> None:
    store = S3()
    assert store.create(f"{folder}/{name}", b"{}")
    (found,) = store.list(folder)
    assert found.url == f"{folder}/{name}"
    assert store.move(found, f"{folder}/moved/{name}")
    assert store.download(f"{folder}/moved/{name}", tmp_path / "file")
    store.delete([f"{folder}/moved/{name}"])
    assert listed(folder) == []


def test_an_object_that_changed_is_neither_read_nor_moved_in_its_old_version(folder: str, tmp_path: Path) -> None:
    store = S3()
    store.create(f"{folder}/a", b"old")
    (seen,) = store.list(folder)
    (tmp_path / "new").write_bytes(b"new")
    store.upload(tmp_path / "new", f"{folder}/a")
    assert store.download(seen.url, tmp_path / "file", seen.version) is None
    assert store.move(seen, f"{folder}/b") is None
    assert listed(folder) == ["a"]


def test_a_move_done_again_changes_nothing(folder: str) -> None:
    store = S3()
    store.create(f"{folder}/a", b"1")
    (seen,) = store.list(folder)
    first = store.move(seen, f"{folder}/b")
    assert first
    assert store.move(seen, f"{folder}/b") == first
    assert listed(folder) == ["b"]


def test_what_replaced_an_object_after_it_was_copied_is_not_deleted(folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = S3()
    store.create(f"{folder}/a", b"old")
    (seen,) = store.list(folder)
    (tmp_path / "new").write_bytes(b"new")
    copied = S3._copied
    monkeypatch.setattr(S3, "_copied", lambda *given: (copied(*given), store.upload(tmp_path / "new", seen.url))[0])
    assert store.move(seen, f"{folder}/b")
    assert (store.read(f"{folder}/a"), store.read(f"{folder}/b")) == (b"new", b"old")


def test_a_listing_begins_where_it_is_told(folder: str) -> None:
    for name in ("1-a", "2-b", "2-c", "3-d"):
        S3().create(f"{folder}/{name}", b"")
    assert [found.url.rpartition("/")[2] for found in S3().list(folder, begin="2-b")] == ["2-b", "2-c", "3-d"]


def test_a_store_that_was_used_can_be_sent_to_another_process(folder: str) -> None:
    store = S3()
    store.create(f"{folder}/a", b"1")
    assert pickle.loads(pickle.dumps(store)).read(f"{folder}/a") == b"1"


def test_many_objects_are_deleted_and_missing_ones_are_no_error(folder: str) -> None:
    S3().create(f"{folder}/a", b"")
    S3().delete([f"{folder}/{name}" for name in ("a", *map(str, range(1500)))])
    assert listed(folder) == []


# Bad networks and busy servers.


@pytest.mark.parametrize("kind", ["slow down", "before", "lost"])
def test_requests_are_asked_again(proxy: Proxy, folder: str, kind: str, tmp_path: Path) -> None:
    store, path = S3(), tmp_path / "file"
    path.write_bytes(b"content")
    for method in ("PUT", "GET", "DELETE", "POST", "HEAD"):
        proxy.fail(method, folder.removeprefix("s3://"), kind, times=2)
    proxy.fail("POST", "delete", kind)
    assert store.create(f"{folder}/a", b"mine")
    assert store.place(path, f"{folder}/b")
    assert [found.url.rpartition("/")[2] for found in store.list(folder)] == ["a", "b"]
    assert store.download(f"{folder}/b", tmp_path / "back")
    found = store.find(f"{folder}/b")
    assert found
    assert store.move(found, f"{folder}/c")
    store.delete([f"{folder}/a"])
    assert listed(folder) == ["c"]


def test_a_download_that_is_cut_goes_on_where_it_was(proxy: Proxy, folder: str, tmp_path: Path) -> None:
    store, content = S3(), os.urandom(5 << 20)
    (tmp_path / "file").write_bytes(content)
    store.upload(tmp_path / "file", f"{folder}/one.json")
    proxy.fail("GET", "/one.json", "middle", times=3)
    assert store.download(f"{folder}/one.json", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    assert len([request for request in proxy.seen if request.startswith("GET")]) == 4


def test_retries_are_bounded(proxy: Proxy, folder: str, tmp_path: Path) -> None:
    store = S3()
    store.create(f"{folder}/one.json", b"x" * 4000)
    proxy.fail("GET", "/one.json", "middle", times=100)
    with pytest.raises(TransientError, match="broke 5 times"):
        store.download(f"{folder}/one.json", tmp_path / "back")
    proxy.fail("PUT", "/two.json", "slow down", times=100)
    with pytest.raises(TransientError, match="busy"):
        store.create(f"{folder}/two.json", b"")
    proxy.fail("PUT", "/three.json", "before", times=100)
    with pytest.raises(TransientError, match="cannot be reached"):
        store.create(f"{folder}/three.json", b"")


@pytest.mark.parametrize(("kind", "told"), [("expired", "ExpiredToken"), ("denied", "AccessDenied")])
def test_expired_credentials_and_missing_rights_are_told(proxy: Proxy, folder: str, kind: str, told: str, tmp_path: Path) -> None:
    store = S3()
    for method in ("GET", "PUT"):
        proxy.fail(method, "/lake", kind, times=100)
    (tmp_path / "file").write_bytes(b"")
    asked = (
        lambda: store.create(f"{folder}/a", b""),
        lambda: list(store.list(folder)),
        lambda: store.download(f"{folder}/a", tmp_path / "file"),
        lambda: store.place(tmp_path / "file", f"{folder}/a"),
    )
    for ask in asked:
        with pytest.raises(ConfigurationError, match=told):
            ask()


def test_a_wrong_secret_is_told_and_not_shown(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    with pytest.raises(ConfigurationError, match="SignatureDoesNotMatch") as raised:
        list(S3().list(folder))
    assert "not-the-secret" not in str(raised.value)


def test_credentials_that_were_renewed_are_taken(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3()
    with monkeypatch.context() as wrong:
        wrong.setenv("AWS_SECRET_ACCESS_KEY", "expired")
        with pytest.raises(ConfigurationError, match="SignatureDoesNotMatch"):
            store.create(f"{folder}/a", b"")
    assert store.create(f"{folder}/a", b"")


@pytest.mark.usefixtures("s3")
def test_a_bucket_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigurationError, match="NoSuchBucket"):
        list(S3().list("s3://no-such-bucket/lake"))


def test_a_server_that_is_away_is_told(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(TransientError, match="cannot be reached"):
        S3().create(f"{folder}/a", b"")

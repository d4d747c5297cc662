"""The lake on a real HDFS: nothing replaced that should not be, and the whole pipeline."""

from pathlib import Path
from uuid import uuid4

import pytest

from event_platform import environment, sources
from event_platform.errors import TransientError
from event_platform.lake import hdfs as hdfs_store
from event_platform.lake.hdfs import PASSING, Hdfs
from event_platform.landing import queue
from event_platform_tests.pipeline import Pipeline, line
from infra import HDFS

pytestmark = [pytest.mark.server, pytest.mark.java]


@pytest.fixture
def root(hdfs: HDFS) -> str:
    return hdfs.webhdfs.replace("://", "://root@")


@pytest.fixture
def folder(root: str) -> str:
    return f"{root}/{uuid4().hex}"


@pytest.fixture
def store(root: str) -> Hdfs:
    return Hdfs.of(root)


def test_objects_are_created_placed_moved_and_deleted(store: Hdfs, folder: str, tmp_path: Path) -> None:
    path, back = tmp_path / "file", tmp_path / "back"
    path.write_bytes(b"placed")
    assert store.create(f"{folder}/a b%é.json", b"one")
    assert not store.create(f"{folder}/a b%é.json", b"two")
    assert store.create(f"{folder}/a b%é.json", b"one")
    assert store.place(path, f"{folder}/deep/b")
    assert not store.place(path, f"{folder}/deep/b")
    first, second = store.list(folder)
    assert [first.url, second.url] == [f"{folder}/a b%é.json", f"{folder}/deep/b"]
    assert [found.url for found in store.list(folder, begin="deep")] == [second.url]
    moved = store.move(first, f"{folder}/archive/a")
    assert moved
    assert store.move(first, f"{folder}/archive/a") == moved
    assert store.read(f"{folder}/archive/a") == b"one"
    assert store.download(second.url, back, second.version) == second.version
    assert back.read_bytes() == b"placed"
    path.write_bytes(b"replaced")
    store.upload(path, second.url)
    assert store.download(second.url, back, second.version) is None
    assert store.move(second, f"{folder}/archive/b") is None
    store.remove(second)
    assert store.read(second.url) == b"replaced"
    store.delete([second.url, f"{folder}/never"])
    assert store.find(second.url) is None
    assert [found.url for found in store.list(folder) if found.url.endswith(PASSING)] == []
    assert list(store.list(f"{folder}/nowhere")) == []


def test_what_a_dead_upload_left_is_swept_after_a_day(store: Hdfs, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create(f"{folder}/data/.1{PASSING}", b"")
    store.create(f"{folder}/data/a", b"")
    assert store.sweep(folder) == 0
    monkeypatch.setattr(hdfs_store, "ABANDONED_AFTER", -hdfs_store.ABANDONED_AFTER)
    assert store.sweep(folder) == 1
    assert [found.url for found in store.list(folder)] == [f"{folder}/data/a"]


def test_a_name_node_that_is_away_is_told() -> None:
    with pytest.raises(TransientError, match="cannot be reached"):
        Hdfs.of("webhdfs://root@127.0.0.1:9").find("webhdfs://root@127.0.0.1:9/a")


@pytest.mark.usefixtures("home")
def test_the_pipeline_runs_on_hdfs(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_LAKE", folder)
    payments = sources.get("payments")
    for name, lines in {"1.json": [line("a"), line("b"), "torn"], "2.json": [line("a", "2026-03-02T10:00:00")]}.items():
        (tmp_path / name).write_text("".join(f"{each}\n" for each in lines))
        queue.land(environment.read(), payments, [tmp_path / name])
        Pipeline().run_well()
    assert Pipeline().sql("SELECT event_id, timestamp::VARCHAR FROM trusted.payments ORDER BY ALL") == [
        ("a", "2026-03-02 10:00:00+00"),
        ("b", "2026-03-01 12:00:00+00"),
    ]
    status = Pipeline().status()
    assert (status.balanced, status.pending_files, status.total.landed, status.total.quarantined) == (True, 0, 4, 1)

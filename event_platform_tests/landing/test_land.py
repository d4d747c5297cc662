"""Files copied into pending/: whole or not at all, nothing replaced, errors that say what to do."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from event_platform.errors import PermanentError, TransientError, UsageError
from event_platform.lake import files
from event_platform.landing import queue
from event_platform_tests.landing.conftest import Landing


def write(folder: Path, name: str, data: bytes = b"{}\n") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def land(landing: Landing, *paths: Path) -> list[str]:
    return [path.name for path in queue.land(landing.environment, landing.source, paths)]


def contents(landing: Landing) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in landing.pending.iterdir()}


def test_a_landed_file_is_ready_at_once(landing: Landing, tmp_path: Path) -> None:
    assert land(landing, write(tmp_path, "a.json", b'{"a": 1}\n')) == ["a.json"]
    assert landing.waiting() == ["a.json"]
    assert contents(landing) == {"a.json": b'{"a": 1}\n'}
    assert list((landing.pending.parent / ".incoming").iterdir()) == []


def test_files_are_ready_in_the_order_given_over_several_landings(landing: Landing, tmp_path: Path) -> None:
    old, new = write(tmp_path, "z.json"), write(tmp_path, "a.json")
    os.utime(new, ns=(0, 0))
    land(landing, old, new)
    land(landing, write(tmp_path, "0.json"))
    assert landing.waiting() == ["z.json", "a.json", "0.json"]


def test_the_same_name_twice_keeps_both_also_with_the_same_bytes(landing: Landing, tmp_path: Path) -> None:
    one, other, same = (write(tmp_path / folder, "a.json.gz", data) for folder, data in (("1", b"1"), ("2", b"2"), ("3", b"1")))
    assert land(landing, one, other, same) == ["a.json.gz", "a~2.json.gz", "a~3.json.gz"]
    assert land(landing, one) == ["a~4.json.gz"]
    assert sorted(contents(landing).values()) == [b"1", b"1", b"1", b"2"]


def test_threads_landing_the_same_name_lose_nothing(landing: Landing, tmp_path: Path) -> None:
    originals = [write(tmp_path / str(number), "a.json", b"%d" % number) for number in range(24)]
    threads = [threading.Thread(target=land, args=(landing, *originals[start::8])) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(contents(landing).values()) == sorted(b"%d" % number for number in range(24))


def test_folders_are_flattened_and_unfinished_files_and_links_left_out(landing: Landing, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "feed"
    for name in ("b.json", "a/b.json", "a/c/d.json", "a-b.json", ".hidden", ".git/config", "x.part", "y~"):
        write(folder, name, name.encode())
    (folder / "inner.json").symlink_to(folder / "b.json")
    (folder / "outside").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    assert land(landing, folder) == ["a-b.json", "b.json", "a-b~2.json", "a-c-d.json"]
    left_out = {record.getMessage().split(" is left out")[0].rsplit("/", 1)[1] for record in caplog.records}
    assert left_out == {"inner.json", "outside", "pipe", ".hidden", "config", "x.part", "y~"}


def test_a_path_given_by_itself_is_taken_whatever_it_is_called(landing: Landing, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(write(tmp_path, "data.bin", b"linked"))
    assert land(landing, link, write(tmp_path, ".hidden"), write(tmp_path, "a.TMP")) == ["link.json", "_.hidden", "a.TMP.landed"]
    assert landing.waiting() == ["link.json", "_.hidden", "a.TMP.landed"]
    assert not (landing.pending / "link.json").is_symlink()


def test_names_of_255_bytes_stay_apart(landing: Landing, tmp_path: Path) -> None:
    long = "é" * 125 + ".json"
    assert len(os.fsencode(long)) == files.MAX_NAME_BYTES
    names = land(landing, write(tmp_path, long), write(tmp_path / "2", long), write(tmp_path / "3", long))
    assert names[0] == long
    assert len(set(names)) == 3
    assert all(name.endswith(".json") and len(os.fsencode(name)) <= files.MAX_NAME_BYTES for name in names)
    deep = "/".join(["x" * 200] * 3)
    assert len(os.fsencode(land(landing, write(tmp_path / "deep", f"{deep}/a.json").parents[3])[0])) <= files.MAX_NAME_BYTES


HOSTILE = [
    "a b.json",
    "quo'te\".json",
    "new\nline.json",
    "sla\\sh",
    "glob*?[x]{1}.json",
    "$(x) `y`;&|",
    "100%.json",
    "emoji\U0001f600.json",
    "e\u0301.json",
    "-rf",
    "..a",
    b"\xff\xfe.json",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_land_as_they_are(landing: Landing, tmp_path: Path, name: str | bytes) -> None:
    path = write(tmp_path, os.fsdecode(name))
    assert [os.fsencode(landed) for landed in land(landing, path)] == [os.fsencode(name) if not os.fsencode(name).startswith(b".") else b"_..a"]


def test_a_missing_path_lands_nothing(landing: Landing, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.json is not there. Nothing was landed"):
        land(landing, write(tmp_path, "a.json"), tmp_path / "gone.json")
    assert not landing.pending.exists()


def test_what_is_no_file_is_refused(landing: Landing, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        land(landing, tmp_path / "pipe")


def test_an_unreadable_file_is_refused_before_anything_lands(landing: Landing, as_nobody: Path) -> None:
    secret = write(as_nobody, "secret.json")
    secret.chmod(0)
    mine = Landing(type(landing.environment)(as_nobody / "home"), landing.source)
    with pytest.raises(PermanentError, match=r"secret\.json cannot be read"):
        land(mine, write(as_nobody, "a.json"), secret)
    assert not mine.pending.exists()


def test_progress_and_large_files(landing: Landing, tmp_path: Path) -> None:
    large = write(tmp_path, "large.json", b"x" * (files.COPY_BYTES + 1))
    told: list[tuple[Path, int]] = []
    queue.land(landing.environment, landing.source, [large], lambda path, done: told.append((path, done)))
    assert told[-1] == (large, files.COPY_BYTES + 1)
    assert (landing.pending / "large.json").stat().st_size == files.COPY_BYTES + 1


def test_a_file_that_changes_while_it_is_copied_is_not_landed(landing: Landing, tmp_path: Path) -> None:
    growing = write(tmp_path, "growing.json")

    def grow(path: Path, _: int) -> None:
        if path == growing:
            with path.open("ab") as file:
                file.write(b"{}\n")

    with pytest.raises(TransientError, match=r"growing\.json changed while it was copied.* 1 of 2 files were landed"):
        queue.land(
            landing.environment,
            landing.source,
            [write(tmp_path, "a.json"), growing],
            lambda path, done: grow(path, done) if path == growing else None,
        )
    assert list(contents(landing)) == ["a.json"]
    assert list((landing.pending.parent / ".incoming").iterdir()) == []


def test_files_come_from_and_go_to_file_systems_without_links_and_kernel_copies(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> int:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", unsupported)
    monkeypatch.setattr(os, "copy_file_range", unsupported)
    original = write(tmp_path, "a.json", b"a" * 3_000_000)
    assert land(landing, original, original) == ["a.json", "a~2.json"]
    assert set(contents(landing).values()) == {b"a" * 3_000_000}


def test_what_a_dead_landing_left_is_removed_after_a_day(landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = write(landing.pending.parent / ".incoming", "dead.part")
    land(landing, write(tmp_path, "a.json"))
    assert left.exists()
    monkeypatch.setattr(queue, "ABANDONED_AFTER", -queue.ABANDONED_AFTER)
    land(landing, write(tmp_path, "a.json"))
    assert not left.exists()


FILL_A_SMALL_DISK = """
mount -t tmpfs -o size=128k none "$1" || exit 77
exec "$2" - "$1" <<'PYTHON'
import sys
from pathlib import Path
from event_platform import sources
from event_platform.environment import Environment
from event_platform.errors import TransientError
from event_platform.landing import queue

home = Path(sys.argv[1])
small, large = Path("/dev/shm") / f"{home.name}-small.json", Path("/dev/shm") / f"{home.name}-large.json"
small.write_bytes(b"{}"), large.write_bytes(b"x" * 1_000_000)
try:
    queue.land(Environment(home), sources.get("payments"), [small, large])
except TransientError as error:
    print(error)
finally:
    small.unlink(), large.unlink()
print(sorted(path.name.rsplit("-", 1)[-1] for path in home.rglob("*") if path.is_file()))
PYTHON
"""


def test_a_full_disk_is_told_and_leaves_no_half_file(tmp_path: Path) -> None:
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", FILL_A_SMALL_DISK, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    if done.returncode in (1, 77) and not done.stdout:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    message, left = done.stdout.splitlines()
    assert "large.json failed because the disk is full" in message
    assert "1 of 2 files were landed" in message
    assert left == "['small.json']"

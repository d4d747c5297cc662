"""Pending files claimed once each, whatever their names, and adopted after a crash as if there had been none."""

import gzip
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from event_platform.lake.files import shown
from event_platform.landing import queue
from event_platform.landing.names import archived_name, read_archived_name
from event_platform_tests.landing.conftest import DAY, Landing
from event_platform_tests.landing.test_land import HOSTILE

# Waiting.


def test_files_wait_in_order_of_their_last_change_then_name(landing: Landing) -> None:
    for name, age_s in (("c.json", 30), ("a.json", 20), ("b.json", 40)):
        landing.drop(name, age_s=age_s)
    stamp = landing.pending.joinpath("a.json").stat().st_mtime_ns
    os.utime(landing.drop("0.json"), ns=(stamp, stamp))
    assert landing.waiting() == ["b.json", "c.json", "0.json", "a.json"]


def test_a_file_is_ready_once_it_was_left_alone_for_the_settle_time(landing: Landing) -> None:
    path = landing.drop("a.json", age_s=0)
    changed = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=path.stat().st_mtime_ns // 1000)
    look = lambda after: queue.pending(landing.environment, landing.source, timedelta(seconds=60), changed + after)  # noqa: E731
    early, late = look(timedelta(seconds=59)), look(timedelta(seconds=60))
    assert ([file.name for file in early.settling], early.ready) == (["a.json"], [])
    assert timedelta(seconds=0.9) < early.settled_in < timedelta(seconds=1.1)
    assert ([file.name for file in late.ready], late.settling, late.settled_in) == (["a.json"], [], None)


def test_a_time_of_change_in_the_future_does_not_block_a_file_for_ever(landing: Landing) -> None:
    landing.drop("a.json", age_s=-1_000_000)
    settled = replace(landing.environment, settle=timedelta(0))
    assert [file.name for file in queue.pending(settled, landing.source).ready] == ["a.json"]
    assert [file.name for file in queue.pending(landing.environment, landing.source).settling] == ["a.json"]


def test_a_file_that_someone_holds_open_for_writing_is_not_ready(landing: Landing) -> None:
    with landing.drop("a.json").open("ab"):
        found = queue.pending(landing.environment, landing.source)
        assert ([file.name for file in found.writing], found.ready) == (["a.json"], [])
        assert landing.claim().files == []
    assert landing.waiting() == ["a.json"]


def test_readers_do_not_hold_a_file_back(landing: Landing) -> None:
    with landing.drop("a.json").open("rb"):
        assert [file.original_name for file in landing.claim()] == ["a.json"]


def test_hidden_and_unfinished_names_are_left_alone_and_folders_entered(landing: Landing) -> None:
    for name in (".a", "b.tmp", "c.PART", "d.crdownload", "e~", ".git/config", "f.part/a.json", "deep/er/g.json", "h.json"):
        landing.drop(name)
    assert landing.waiting() == ["deep/er/g.json", "h.json"]
    assert sorted(file.original_name for file in landing.claim()) == ["deep/er/g.json", "h.json"]


def test_links_pipes_and_unreadable_files_are_refused(landing: Landing, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(b"{}\n")
    landing.drop("a.json")
    (landing.pending / "link.json").symlink_to(outside)
    (landing.pending / "broken.json").symlink_to("nowhere")
    (landing.pending / "folder").symlink_to("/etc")
    (landing.pending / "loop").symlink_to(landing.pending)
    os.mkfifo(landing.pending / "pipe")
    claims = landing.claim()
    assert [file.original_name for file in claims] == ["a.json"]
    assert {refused.path.name for refused in claims.refused} == {"link.json", "broken.json", "folder", "loop", "pipe"}
    assert outside.exists()


def test_unreadable_files_and_folders_are_refused(landing: Landing, as_nobody: Path) -> None:
    mine = Landing(replace(landing.environment, home=as_nobody / "home"), landing.source)
    mine.drop("a.json")
    mine.drop("secret.json").chmod(0)
    mine.drop("folder/b.json").parent.chmod(0)
    claims = mine.claim()
    mine.pending.joinpath("folder").chmod(0o700)
    assert [file.original_name for file in claims] == ["a.json"]
    assert {refused.path.name: refused.why for refused in claims.refused} == {
        "secret.json": "this user has no right to read it",
        "folder": "it is a folder that this user has no right to list",
    }


# Claiming.


def test_a_claim_moves_and_inspects_in_order(landing: Landing) -> None:
    before = time.time_ns() // 1000
    landing.drop("b.json", b"{}\n\n{}", age_s=9)
    landing.drop("a.json", b"", age_s=8)
    first, second = landing.claim().files
    assert [first.original_name, second.original_name] == ["b.json", "a.json"]
    assert before <= first.file_id < second.file_id <= time.time_ns() // 1000
    assert first.landing_file == f"date={DAY}/{first.file_id}-b.json"
    assert (first.landing_date, first.claimed_at.timestamp()) == (DAY, pytest.approx(first.file_id / 1e6, abs=1e-6))
    assert (first.inspection.lines, first.inspection.blank_lines, second.inspection.lines) == (3, 1, 0)
    assert landing.archived() == {"b.json": b"{}\n\n{}", "a.json": b""}
    assert (landing.archive / first.landing_file).stat().st_mode & 0o777 == 0o444
    assert landing.waiting() == []
    assert landing.claim().files == []


def test_file_ids_never_go_back_though_the_clock_may(landing: Landing) -> None:
    ahead = 10**16
    for name in "abc":
        landing.drop(name)
    assert [file.file_id for file in landing.claim(ahead)] == [ahead, ahead + 1, ahead + 2]


def test_a_backlog_is_worked_off_in_batches(landing: Landing) -> None:
    for number in range(7):
        landing.drop(f"{number}.json", b"x" * 100, age_s=100 - number)
    taken = []
    while (claims := landing.claim(most_files=3, most_bytes=250)).files:
        taken.append([file.original_name for file in claims])
        assert claims.more == (taken[-1] != ["6.json"])
    assert taken == [["0.json", "1.json"], ["2.json", "3.json"], ["4.json", "5.json"], ["6.json"]]
    landing.drop("large.json", b"x" * 1000)
    assert len(landing.claim(most_bytes=250).files) == 1


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "..a"])
def test_hostile_names_are_archived_safely_and_remembered(landing: Landing, name: str | bytes) -> None:
    landing.drop(os.fsdecode(name))
    (claimed,) = landing.claim()
    archived = claimed.landing_file.split("/", 1)[1]
    assert (landing.archive / claimed.landing_file).is_file()
    assert not set(archived) & set("/\\'\"*?[]{}$`;&|\n")
    archived.encode()
    assert claimed.original_name == {b"\xff\xfe.json": "%FF%FE.json", "new\nline.json": "new%0Aline.json"}.get(name, name)


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=()), min_size=1, max_size=400), st.sampled_from(["none", "gzip", "zstd"]))
def test_any_name_fits_is_safe_and_tells_id_and_compression(name: str, compression: str) -> None:
    name = os.fsdecode(name.encode("utf-8", "surrogatepass")[:255])
    archived = archived_name(1_763_712_000_000_000, name, compression)
    assert len(archived.encode()) <= 255
    assert archived == Path(archived).name
    assert read_archived_name(archived)[::2] == (1_763_712_000_000_000, compression)
    if "~" not in archived:
        assert read_archived_name(archived)[1] == shown(name)


def test_names_of_255_bytes_are_cut_and_stay_apart(landing: Landing) -> None:
    for ending in ("1", "2"):
        landing.drop("é" * 124 + ending + ".json.gz"[-6:])
    names = {Path(file.landing_file).name.split("-", 1)[1] for file in landing.claim()}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("name", "data", "archived"),
    [
        ("a.json.gz", gzip.compress(b"{}\n", mtime=0), "a.json.gz"),
        ("a.json", gzip.compress(b"{}\n", mtime=0), "a.json%.gz"),
        ("a.json.gz", zstandard.compress(b"{}\n"), "a.json.gz%.zst"),
        ("a.json.gz", b"{}\n", "a.json.gz%.plain"),
        ("a.zst", b"", "a.zst%.plain"),
    ],
)
def test_the_archived_name_tells_the_true_compression(landing: Landing, name: str, data: bytes, archived: str) -> None:
    landing.drop(name, data)
    (claimed,) = landing.claim()
    assert claimed.landing_file.endswith(f"-{archived}")
    assert claimed.original_name == name
    assert landing.adopt() == [claimed]


# What goes on meanwhile.


def meanwhile(monkeypatch: pytest.MonkeyPatch, name: str, act) -> None:
    """Do something right before the queue calls its function `name`, the first time."""
    original, acted = getattr(queue, name), []

    def acting(*arguments, **options):
        if not acted:
            acted.append(True)
            act()
        return original(*arguments, **options)

    monkeypatch.setattr(queue, name, acting)


def test_a_file_that_vanishes_is_left_out_and_told(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    path = landing.drop("a.json", age_s=70)
    landing.drop("b.json")
    meanwhile(monkeypatch, "_batch", path.unlink)
    claims = landing.claim()
    assert [file.original_name for file in claims] == ["b.json"]
    assert [str(refused) for refused in claims.refused] == ["a.json in pending/ is not taken: it vanished while it was claimed."]


def test_a_file_that_changes_before_the_move_stays(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    path = landing.drop("a.json")
    meanwhile(monkeypatch, "_batch", lambda: path.write_bytes(b"{}\n{}\n"))
    claims = landing.claim()
    assert (claims.files, [refused.why for refused in claims.refused]) == ([], ["it is still being written"])
    assert path.read_bytes() == b"{}\n{}\n"


def test_a_file_that_changes_while_it_is_read_goes_back_whole(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = Landing(replace(landing.environment, threads=1), landing.source)
    writer = landing.drop("a.json").open("ab", buffering=0)
    monkeypatch.setattr(queue.files, "is_being_written", lambda _: False)  # as on a file system that cannot tell
    meanwhile(monkeypatch, "inspect", lambda: writer.write(b"{}\n"))
    landing.drop("sub/b.json")
    claims = landing.claim()
    assert [file.original_name for file in claims] == ["sub/b.json"]
    assert [refused.path for refused in claims.refused] == [landing.pending / "a.json"]
    writer.write(b"{}\n")
    writer.close()
    assert (landing.pending / "a.json").read_bytes() == b"{}\n" * 3
    assert (landing.pending / "a.json").stat().st_mode & 0o200


def test_going_back_replaces_nothing(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = landing.drop("a.json", b"old\n").open("ab", buffering=0)
    monkeypatch.setattr(queue.files, "is_being_written", lambda _: False)
    meanwhile(monkeypatch, "inspect", lambda: (writer.write(b"old\n"), landing.drop("a.json", b"new\n")))
    landing.claim()
    writer.close()
    assert {path.name: path.read_bytes() for path in landing.pending.iterdir()} == {"a.json": b"new\n", "a~2.json": b"old\nold\n"}


def test_a_writer_that_opened_the_file_between_looking_and_moving_is_noticed(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    path, opened = landing.drop("a.json"), []
    meanwhile(monkeypatch, "_batch", lambda: opened.append(path.open("ab")))
    assert landing.claim().files == []
    opened[0].close()
    assert [file.original_name for file in landing.claim()] == ["a.json"]


def test_a_file_with_another_name_elsewhere_is_copied_so_that_nobody_can_change_the_archive(landing: Landing, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.json"
    theirs.write_bytes(b"{}\n")
    landing.pending.mkdir(parents=True)
    os.utime(theirs, ns=(0, 0))
    (landing.pending / "a.json").hardlink_to(theirs)
    (claimed,) = landing.claim()
    theirs.write_bytes(b"changed")
    assert (landing.archive / claimed.landing_file).read_bytes() == b"{}\n"
    assert theirs.stat().st_mode & 0o200
    assert landing.waiting() == []


# Adopting.


def test_a_dead_claim_is_adopted_as_it_would_have_been(landing: Landing) -> None:
    for name in ("a.json", "b c%.json", "d.json"):
        landing.drop(name)
    claimed = landing.claim().files
    assert landing.adopt() == claimed
    assert landing.adopt(claimed[0].file_id) == claimed[1:]
    assert landing.adopt(claimed[-1].file_id) == []


def test_a_dead_claim_is_adopted_though_the_clock_went_back(landing: Landing) -> None:
    landing.drop("a.json")
    tomorrow = round(datetime.combine(DAY + timedelta(days=1), datetime.min.time(), UTC).timestamp() * 1e6)
    (claimed,) = landing.claim(tomorrow)
    assert landing.adopt(tomorrow - 1) == [claimed]


def test_what_no_claim_put_into_the_archive_is_left_alone(landing: Landing, caplog: pytest.LogCaptureFixture) -> None:
    assert landing.adopt() == []
    landing.drop("a.json")
    (claimed,) = landing.claim()
    folder = landing.archive / f"date={DAY}"
    (folder / "note.txt").touch()
    (folder / "1-folder").mkdir()
    (folder / "2-link").symlink_to("/etc/passwd")
    (landing.archive / "date=old").mkdir()
    assert landing.adopt() == [claimed]
    assert len([record for record in caplog.records if "left alone" in record.getMessage()]) == 4


def test_nothing_but_names_is_logged(landing: Landing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    landing.drop("a.json", b"SECRET")
    landing.drop(os.fsdecode(b"\xffb.json")).unlink()
    (landing.pending / os.fsdecode(b"\xff.json")).symlink_to("x")
    landing.claim()
    caplog.text.encode()
    assert "SECRET" not in caplog.text

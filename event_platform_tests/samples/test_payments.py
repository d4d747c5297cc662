"""The sample: the same seed gives the same bytes, repeats are as told, trouble comes on top of the good lines."""

import gzip
import json
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from event_platform.errors import UsageError
from event_platform.samples.events import Feed
from event_platform.samples.payments import write_sample

BAD_LINES = 7
"""null, a list, no id, a number for an id, no such day, a NUL byte, a torn line."""


def contents(paths: list[Path]) -> list[bytes]:
    return [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in paths]


def moment(event: dict[str, Any]) -> datetime:
    told = datetime.fromisoformat(event["timestamp"])
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def good(line: bytes) -> dict[str, Any] | None:
    """The event in the line; None for a line that holds none."""
    try:
        event = json.loads(line)
        moment(event)
        return event if isinstance(event["event_id"], str) else None
    except (ValueError, TypeError, KeyError):
        return None


def versions(paths: list[Path]) -> dict[str, list[tuple[int, datetime, str]]]:
    """File number, moment and body of each delivery of each event, in order."""
    found = defaultdict(list)
    for number, content in enumerate(contents(paths)):
        for event in filter(None, map(good, content.splitlines())):
            found[event["event_id"]].append((number, moment(event), json.dumps(event["data"])))
    return found


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_sample(tmp_path_factory.mktemp("clean"), trouble=False)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_sample(tmp_path_factory.mktemp("troubled"))


def test_the_same_seed_gives_the_same_bytes(troubled: list[Path], tmp_path: Path) -> None:
    again = write_sample(tmp_path)
    assert [path.name for path in again] == [path.name for path in troubled]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in troubled]


def test_another_seed_gives_other_events(clean: list[Path], tmp_path: Path) -> None:
    assert not versions(clean).keys() & versions(write_sample(tmp_path, seed=2)).keys()


def test_the_cut_into_files_changes_no_line(clean: list[Path], tmp_path: Path) -> None:
    uneven = write_sample(tmp_path, files=7, trouble=False)
    assert b"".join(contents(uneven)) == b"".join(contents(clean))


def test_a_feed_is_the_same_in_files_of_any_length(tmp_path: Path) -> None:
    whole, cut = (b"".join(path.read_bytes() for path in Feed(5_000).write_files(tmp_path / str(lines), lines)) for lines in (10_000, 1_499))
    assert whole == cut
    assert whole.count(b"\n") == 5_000


def test_lines_and_ids_are_as_many_as_told(clean: list[Path]) -> None:
    assert sum(map(len, versions(clean).values())) == 20_000
    assert len(versions(clean)) == Feed(20_000).events == 19_000


def test_every_clean_line_is_an_event_of_one_of_eight_kinds(clean: list[Path]) -> None:
    events = [json.loads(line) for content in contents(clean) for line in content.splitlines()]
    assert {tuple(event) for event in events} == {("timestamp", "event_id", "domain", "event_type", "data")}
    assert len({(event["domain"], event["event_type"]) for event in events}) == 8
    assert {event["data"].get("type") for event in events} == {None, "CASHIN", "CASHOUT", "DEBIT", "CELPHONE_RECHARGE"}


def test_events_fill_the_days_and_no_other(tmp_path: Path) -> None:
    paths = write_sample(tmp_path, events=2_000, days=3, first_day=date(2024, 2, 28), trouble=False)
    days = {when.date() for deliveries in versions(paths).values() for _, when, _ in deliveries}
    assert days == {date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_repeats_are_newer_older_and_the_same_and_some_cross_midnight(seed: int, tmp_path: Path) -> None:
    repeated = [each for each in versions(write_sample(tmp_path, seed=seed, trouble=False)).values() if len(each) > 1]
    pairs = [(first, second) for first, second, *_ in repeated]
    newer = [pair for pair in pairs if pair[0][1] < pair[1][1]]
    older = [pair for pair in pairs if pair[0][1] > pair[1][1]]
    same = [pair for pair in pairs if pair[0][1:] == pair[1][1:]]
    assert min(len(newer), len(older), len(same)) > 250
    assert any(first[0] != second[0] for first, second in same), "no event comes again in another file"
    assert any(first[1].date() != second[1].date() for first, second in newer), "no pair straddles midnight"
    assert all(first[2] != second[2] for first, second in newer), "a newer version says nothing new"


def test_trouble_takes_no_good_event_away(clean: list[Path], troubled: list[Path]) -> None:
    assert versions(troubled) == versions(clean)


def test_bad_lines_are_as_many_as_told(troubled: list[Path]) -> None:
    lines = [line for content in contents(troubled) for line in content.splitlines()]
    assert len([line for line in lines if line.strip() and good(line) is None]) == BAD_LINES
    assert lines.count(b"") == 1


@pytest.mark.parametrize(
    "mark",
    [
        b"\nnull\n",
        b"\n[1,2]\n",
        b'", "id": "',
        b'"event_id": 7,',
        b'"2021-02-30T',
        b'"\0',
        b'-03:00"',
        b'+05:30"',
        b'+00:00"',
        b'"channel": "mobile"',
    ],
)
def test_each_sort_of_trouble_is_there_once(troubled: list[Path], mark: bytes) -> None:
    assert b"".join(contents(troubled)).count(mark) == 1


def test_files_as_wholes_bring_trouble(troubled: list[Path]) -> None:
    blank_first, _, _, windows, torn, compressed = troubled
    assert blank_first.read_bytes().startswith(b"\n")
    assert windows.read_bytes().count(b"\r\n") == windows.read_bytes().count(b"\n") > 0
    assert not torn.read_bytes().endswith((b"\n", b"}"))
    assert compressed.suffix == ".gz"


@pytest.mark.parametrize(("events", "files"), [(1, 6), (3, 1), (30, 3)])
def test_small_samples_hold_all_their_events(events: int, files: int, tmp_path: Path) -> None:
    assert len(versions(write_sample(tmp_path, events=events, files=files))) == Feed(events).events


@pytest.mark.parametrize(("events", "days"), [(0, 30), (10, 0)])
def test_nothing_to_make_is_an_error(events: int, days: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1 event"):
        write_sample(tmp_path, events=events, days=days)


def test_a_long_feed_has_no_overflow_at_its_end(tmp_path: Path) -> None:
    path = Feed(100_000_000, days=365).write(tmp_path / "end.json", 99_999_900, 100_000_000)
    lines = path.read_bytes().splitlines()
    assert len(lines) == 100
    assert max(json.loads(line)["timestamp"] for line in lines).startswith("2026-12-31T")

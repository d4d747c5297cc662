"""The shop's sample: the same seed gives the same bytes, and it holds the trouble it is told to hold."""

import json
import random
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from event_platform.errors import UsageError
from event_platform.samples.storefront import write_sample
from event_platform.sources.storefront import SOURCE

pytest.importorskip("fake_web_events")


def views(paths: list[Path]) -> list[dict[str, str]]:
    found = []
    for path in paths:
        for line in path.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_sample(tmp_path_factory.mktemp("sample"), visits=200, users=8, days=2)


def test_the_same_seed_gives_the_same_bytes_and_leaves_the_process_its_luck(sample: list[Path], tmp_path: Path) -> None:
    before = random.getstate()
    again = write_sample(tmp_path, visits=200, users=8, days=2)
    assert random.getstate() == before
    assert [path.name for path in again] == [path.name for path in sample]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in sample]


def test_another_seed_gives_other_page_views(sample: list[Path], tmp_path: Path) -> None:
    other = write_sample(tmp_path, seed=2, visits=200, users=8, days=2)
    assert not {view["event_id"] for view in views(other)[:50]} & {view["event_id"] for view in views(sample)}


def test_every_field_is_one_that_the_contract_reads(sample: list[Path]) -> None:
    (names,) = {tuple(view) for view in views(sample)}
    assert set(names) == {".".join(column.path) for column in SOURCE.columns}


def test_repeats_a_newer_version_and_a_late_view_are_there(sample: list[Path]) -> None:
    times = Counter(view["event_id"] for view in views(sample))
    versions = {(view["event_id"], view["event_timestamp"]) for view in views(sample)}
    assert sum(count > 1 for count in times.values()) > 20
    assert len(versions) == len(times) + 1
    earliest = [min(datetime.fromisoformat(view["event_timestamp"]) for view in views([path])) for path in sample]
    assert earliest[-1] < earliest[1], "the last file holds a view of the time of the first"


def test_some_visits_cross_midnight(sample: list[Path]) -> None:
    nights = {(view["user_domain_id"], view["event_timestamp"][:10]) for view in views(sample) if view["event_timestamp"][11:14] in ("23:", "00:")}
    assert max(Counter(cookie for cookie, _ in nights).values()) > 1


def test_three_lines_are_no_page_views(sample: list[Path]) -> None:
    lines = [line for path in sample for line in path.read_text().splitlines()]
    assert len(lines) - len(views(sample)) == 1
    assert {view["event_id"] for view in views(sample) if view["event_id"].startswith("bad")} == {"bad-latitude", "bad-device"}


@pytest.mark.parametrize("wrong", [{"visits": 0}, {"days": 0}, {"files": 0}])
def test_nothing_to_make_is_an_error(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1 visit"):
        write_sample(tmp_path, **wrong)

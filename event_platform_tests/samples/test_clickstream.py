"""Made-up clicks: the same whenever they are made, with ids and without, some sent twice, three broken."""

import json
from pathlib import Path

import pytest

from event_platform.errors import UsageError
from event_platform.samples.clickstream import BROKEN, REPEAT_EVERY, write_sample


def test_a_sample_is_the_same_again_and_holds_what_it_says(tmp_path: Path) -> None:
    first, second = (write_sample(tmp_path / name, events=400, files=2) for name in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    lines = [line for path in first for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 400 + 200 // REPEAT_EVERY + len(BROKEN)
    given = {"event_id" in json.loads(line) for line in lines[: -len(BROKEN)]}
    assert given == {True, False}


def test_nothing_is_no_sample(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        write_sample(tmp_path, events=0)

"""Each kind of bad input has a clear outcome, beside good files that are not held up by it."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from typer.testing import CliRunner

from event_platform import environment
from event_platform.cli import app
from event_platform.landing import queue
from event_platform.stage import staging
from event_platform_tests.pipeline import Pipeline, line

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
DEEP = '{"event_id":"deep","timestamp":"2026-03-01","domain":"a","event_type":"b","data":' + "[" * 10_000 + "]" * 10_000 + "}"
PRETTY_ARRAY = json.dumps([json.loads(line("p1")), json.loads(line("p2"))], indent=1)

LINES = {
    "null.json": "null",
    "array.json": "[1,2]",
    "text.json": '"x"',
    "number.json": "42",
    "torn.json": line()[:40],
    "id-missing.json": '{"timestamp":"2026-03-01","domain":"a","event_type":"b"}',
    "id-nested.json": line(event_id={"a": 1}),  # type: ignore[arg-type]
    "id-number.json": line(event_id=7),  # type: ignore[arg-type]
    "id-empty.json": line(event_id=""),
    "time-missing.json": '{"event_id":"x","domain":"a","event_type":"b"}',
    "time-impossible.json": line(timestamp="2021-02-30T00:00:00"),
    "time-far-future.json": line(timestamp="2199-01-01T00:00:00"),
    "time-epoch.json": line(timestamp=1_600_000_000),  # type: ignore[arg-type]
    "id-twice.json": '{"event_id":"x","event_id":"y","timestamp":"2026-03-01","domain":"a","event_type":"b"}',
    "kind-empty.json": line(event_type=""),
    "kind-long.json": line(event_type="x" * 200),
    "deep.json": DEEP,
    "huge.json": line(data="x" * 9_000_000),
}
BYTES = {
    "nul.json": line("before").encode() + b"\n" + line("n\x00").encode().replace(b"\\u0000", b"\x00") + b"\n",
    "latin.json": line("caf").encode().replace(b"caf", b"caf\xe9") + b"\n",
}
FILES = {
    "utf16.json": (line() + "\n").encode("utf-16"),
    "picture.json": PNG,
    "array-file.json": PRETTY_ARRAY.encode(),
    "torn.json.gz": gzip.compress((line() + "\n").encode() * 5_000)[:-200],
}
GOOD = {
    "blank-first.json": "\n" + line("good-blank") + "\n",
    "crlf.json": line("good-crlf") + "\r\n" + line("good-crlf-2") + "\r\n",
    "bom.json": "\ufeff" + line("good-bom") + "\n",
    "no-newline.json": line("good-end"),
    "empty.json": "",
    "only-blank.json": "\n \n\t\n",
    "zones.json": line("good-zone", "2026-03-01T23:30:00-03:00") + "\n" + line("good-z", "2026-03-01T12:00:00.123456Z") + "\n",
    "fields.json": line("good-extra", surprise={"deep": [1]}) + "\n",
    "numbers.json": line("good-number", data={"n": 123456789012345678901234567890}) + "\n",
    "kind.json": line("good-kind", event_type="a/b=c%d e") + "\n",
}
NAMES = ["with space.json", "quote'\".json", "a..b.json", "ünïcode-✓.json", "x" * 250 + ".json", "no-suffix", "new\nline.json", "a*b?[c].json"]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """All the files at once, in one run."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("bad") / "home"
        patch.setenv("EVENT_PLATFORM_HOME", str(home))
        patch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
        pipeline = Pipeline()
        for name, text in LINES.items():
            pipeline.drop(name, text + "\n" + line(f"beside-{name}") + "\n")
        for name, raw in (BYTES | FILES).items():
            pipeline.drop(name, raw)
        for name, text in GOOD.items():
            pipeline.drop(name, text.encode())
        for number, name in enumerate(NAMES):
            pipeline.drop(name, line(f"name-{number}") + "\n")
        pipeline.drop("wrong-suffix.json", gzip.compress((line("good-gz") + "\n").encode()))
        pipeline.drop("right.json.zst", zstandard.compress((line("good-zst") + "\n").encode()))
        pipeline.drop("plain.gz", line("good-plain") + "\n")
        pipeline.drop(".hidden.json", "still being written")
        pipeline.drop("growing.json.part", "still being written")
        outside = home.parent / "outside.json"
        outside.write_text(line("outside") + "\n")
        (pipeline.pending_folder() / "link.json").symlink_to(outside)
        (pipeline.pending_folder() / "folder").mkdir()
        pipeline.drop("folder/inside.json", line("good-inside") + "\n")
        os.mkfifo(pipeline.pending_folder() / "pipe.json")
        pipeline.run_well()
        yield pipeline


@pytest.mark.parametrize("name", LINES)
def test_a_bad_line_is_quarantined_alone(pipeline: Pipeline, name: str) -> None:
    assert [number for number, _ in pipeline.reasons()[name]] == [1]
    assert pipeline.sql(f"SELECT count(*) FROM trusted.payments WHERE event_id = 'beside-{name}'") == [(1,)]


@pytest.mark.parametrize(("name", "word"), [("nul.json", "NUL"), ("latin.json", "UTF-8"), ("huge.json", "8,388,608"), ("deep.json", "nested"),
    ("id-twice.json", "twice"), ("id-number.json", "event_id"), ("time-impossible.json", "ISO 8601"), ("time-far-future.json", "landing date"),
    ("torn.json", "not JSON"), ("null.json", "object"), ("kind-long.json", "100")])  # fmt: skip
def test_the_reason_names_the_trouble(pipeline: Pipeline, name: str, word: str) -> None:
    ((_, reason),) = pipeline.reasons()[name]
    assert word in reason


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_lines_counts_as_one_quarantined_line(pipeline: Pipeline, name: str) -> None:
    assert [number for number, _ in pipeline.reasons()[name]] == [0]


def test_a_run_names_the_files_that_are_in_quarantine_whole_the_first_of_many(pipeline: Pipeline) -> None:
    (told,) = [message for message in pipeline.told if "in quarantine whole" in message]
    named = [name for name in FILES if f"{name} (The file" in told]
    assert (len(named), told.startswith("payments: 4 files "), told.endswith(" and 1 more")) == (3, True, True)


def test_a_run_warns_when_more_is_in_quarantine_than_the_contract_allows(pipeline: Pipeline) -> None:
    (told,) = [message for message in pipeline.told if "quarantine_share" in message]
    assert "More than 1.00% of the lines are in quarantine" in told


def test_a_run_warns_of_a_file_of_which_nothing_could_be_staged(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    for name in ("first.json", "second.json"):
        pipeline.drop(name, ["not JSON", name])
        pipeline.run_well()
    assert len([message for message in pipeline.told if "More than 1.00% of the lines are in quarantine" in message]) == 2


def test_lines_that_went_nowhere_stop_the_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("lost.json", [line("lost")])
    monkeypatch.setattr(staging, "_parse", lambda *_: ([], []))
    (outcome,) = pipeline.run()
    assert "landed_is_staged_or_quarantined" in " ".join(outcome.failures)


def test_a_run_over_good_lines_warns_of_nothing(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("good.json", [line("good")])
    pipeline.run_well()
    assert [message for message in pipeline.told if "warning" in message or "in quarantine" in message] == []


def test_good_lines_in_unusual_files_are_all_staged(pipeline: Pipeline) -> None:
    staged = {row[0] for row in pipeline.sql("SELECT event_id FROM stage.payments")}
    assert {f"name-{number}" for number in range(len(NAMES))} <= staged
    assert {"good-blank", "good-crlf", "good-crlf-2", "good-bom", "good-end", "good-extra", "good-number", "good-kind"} <= staged
    assert {"good-gz", "good-zst", "good-plain", "good-inside", "before"} <= staged


def test_values_survive(pipeline: Pipeline) -> None:
    assert pipeline.sql("SELECT event_date, timestamp::VARCHAR FROM stage.payments WHERE event_id = 'good-zone'")[0][1] == "2026-03-02 02:30:00+00"
    assert pipeline.sql("SELECT timestamp::VARCHAR FROM stage.payments WHERE event_id = 'good-z'") == [("2026-03-01 12:00:00.123456+00",)]
    assert pipeline.sql("SELECT extra FROM stage.payments WHERE event_id = 'good-extra'") == [('{"surprise":{"deep":[1]}}',)]
    assert "123456789012345678901234567890" in str(pipeline.sql("SELECT data FROM stage.payments WHERE event_id = 'good-number'"))
    assert pipeline.sql("SELECT domain_event_type FROM trusted.payments WHERE event_id = 'good-kind'") == [("account-a/b=c%d e",)]
    assert pipeline.sql("SELECT line_number FROM stage.payments WHERE event_id = 'good-blank'") == [(2,)]


def test_what_is_not_a_finished_regular_file_stays(pipeline: Pipeline) -> None:
    left = {path.name for path in pipeline.pending_folder().iterdir()}
    assert left == {".hidden.json", "growing.json.part", "link.json", "pipe.json", "folder"}
    assert pipeline.sql("SELECT count(*) FROM stage.payments WHERE event_id = 'outside'") == [(0,)]


def test_the_accounting_closes(pipeline: Pipeline) -> None:
    status = pipeline.status()
    assert status.balanced
    assert sum(map(len, pipeline.reasons().values())) == len(LINES) + len(BYTES) + len(FILES), pipeline.reasons()
    assert status.total.quarantined == len(LINES) + len(BYTES) + len(FILES)
    assert status.total.landed == status.total.staged + status.total.quarantined


def test_no_value_of_a_bad_line_is_logged(pipeline: Pipeline) -> None:
    assert not any("good-" in message or "beside-" in message for message in pipeline.told)


def test_bytes_in_the_archive_are_those_received(pipeline: Pipeline) -> None:
    archive = pipeline.lake.environment.landing / "payments" / "processed"
    ((path,),) = pipeline.sql("SELECT landing_file FROM landing.payments WHERE original_name = 'picture.json'")
    assert (archive / str(path)).read_bytes() == PNG


def test_a_repeated_file_is_told_and_counted_once(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("one.json", [line("a"), "torn"])
    pipeline.run_well()
    before = pipeline.status().total
    pipeline.drop("again.json", [line("a"), "torn"])
    pipeline.run_well()
    assert pipeline.status().total == before
    assert any("again.json" in message and "one.json" in message for message in pipeline.told)


def test_same_name_and_other_bytes_are_both_kept(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    for number in (1, 2):
        pipeline.drop("same.json", [line(f"id-{number}")])
        pipeline.run_well()
    assert pipeline.sql("SELECT count(*) FROM trusted.payments") == [(2,)]


def test_a_hidden_file_is_claimed_when_it_was_landed_whole(home: Path, tmp_path: Path) -> None:  # noqa: ARG001 - sets the home
    hidden = tmp_path / ".hidden.json"
    hidden.write_text(line("a") + "\n")
    pipeline = Pipeline()
    queue.land(environment.read(), pipeline.source, [hidden])
    pipeline.run_well()
    assert pipeline.sql("SELECT event_id FROM trusted.payments") == [("a",)]


def test_a_file_mended_in_the_archive_is_counted_anew_when_it_is_replayed(home: Path) -> None:
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a"), line("b")[:30], "torn"])
    pipeline.run_well()
    assert pipeline.status().total.quarantined == 2
    (archived,) = (home / "lake" / "landing" / "payments" / "processed").rglob("*a.json")
    archived.chmod(0o644)
    archived.write_text(f"{line('a')}\n{line('b')}\n{line('c')}\n\n{line('d')}\n")
    replayed = CliRunner().invoke(app, ["quarantine", "replay", "payments"])
    assert replayed.exit_code == 0, replayed.output
    total = pipeline.status().total
    assert (total.landed, total.blank, total.staged, total.quarantined, total.trusted) == (4, 1, 4, 0, 4)
    assert pipeline.status().balanced

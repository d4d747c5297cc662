"""Parsing the archive anew, while files arrive, after files were mended or lost, and when it is cut short."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from event_platform import environment, partitions
from event_platform.engines.duckdb import connect
from event_platform.errors import PermanentError
from event_platform.landing.claiming import claim_pending
from event_platform.stage import staging
from event_platform_tests.pipeline import Pipeline, line

Interrupt = Callable[[duckdb.DuckDBPyConnection], None]


@pytest.fixture
def pipeline(home: Path) -> Pipeline:
    assert not home.exists()
    return Pipeline()


@contextmanager
def before_parsing(monkeypatch: pytest.MonkeyPatch, interrupt: Interrupt) -> Iterator[None]:
    """Do something in the moment in which a reparse has written its note and has read nothing yet."""
    parse = staging._parse
    with monkeypatch.context() as patched:
        patched.setattr(staging, "_parse", lambda *given: (interrupt(given[2]), parse(*given))[1])
        yield


def reparse(pipeline: Pipeline) -> None:
    with connect(environment.read()) as duck:
        staging.reparse(pipeline.lake, pipeline.source, duck, "reparse", [partitions.today()])


def archived(home: Path, name: str) -> Path:
    (path,) = (home / "lake" / "landing" / "payments" / "processed").rglob(f"*{name}")
    path.chmod(0o644)
    return path


def events(pipeline: Pipeline) -> list[tuple[object, ...]]:
    return pipeline.sql("SELECT event_id FROM trusted.payments ORDER BY ALL")


def test_a_file_that_lands_after_a_reparse_was_killed_is_staged_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.drop("one.json", [line("a"), line("b")])
    pipeline.run_well()

    def kill(_: duckdb.DuckDBPyConnection) -> None:
        raise KeyboardInterrupt

    with before_parsing(monkeypatch, kill), pytest.raises(KeyboardInterrupt):
        reparse(pipeline)
    pipeline.drop("two.json", [line("c"), line("d")])
    pipeline.run_well()
    assert events(pipeline) == [("a",), ("b",), ("c",), ("d",)]
    assert pipeline.status().balanced


def test_a_file_claimed_while_a_reparse_is_at_work_is_staged_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.drop("one.json", [line("a")])
    pipeline.run_well()

    def claim(duck: duckdb.DuckDBPyConnection) -> None:
        pipeline.drop("two.json", [line("b")])
        assert claim_pending(pipeline.lake, pipeline.source, duck, "other")

    with before_parsing(monkeypatch, claim):
        reparse(pipeline)
    pipeline.run_well()
    assert events(pipeline) == [("a",), ("b",)]
    assert pipeline.status().balanced


def test_an_archive_restored_from_a_copy_is_the_same_archive(pipeline: Pipeline, home: Path) -> None:
    for name in ("one.json", "again.json"):
        pipeline.drop(name, [line("a")])
        pipeline.run_well()
        archived(home, name).touch()
    before = pipeline.status()
    reparse(pipeline)
    pipeline.run_well()
    assert pipeline.status() == before


def test_the_repeat_of_a_file_that_was_mended_comes_into_its_own(pipeline: Pipeline, home: Path) -> None:
    for name in ("one.json", "again.json"):
        pipeline.drop(name, [line("a"), line("b")])
        pipeline.run_well()
    archived(home, "one.json").write_text(line("x") + "\n")
    reparse(pipeline)
    pipeline.run_well()
    assert events(pipeline) == [("a",), ("b",), ("x",)]
    assert pipeline.sql("SELECT original_name, lines, duplicate_of FROM landing.payments ORDER BY file_id") == [
        ("one.json", 1, None),
        ("again.json", 2, None),
    ]
    assert pipeline.status().balanced


def test_a_mended_file_may_be_compressed_otherwise_than_its_name_says(pipeline: Pipeline, home: Path) -> None:
    import gzip

    pipeline.drop("one.json.gz", gzip.compress(b"torn"))
    pipeline.run_well()
    archived(home, "one.json.gz").write_text(line("a") + "\n")
    reparse(pipeline)
    pipeline.run_well()
    assert events(pipeline) == [("a",)]


def test_a_file_missing_from_the_archive_is_told_and_holds_nothing_up(pipeline: Pipeline, home: Path) -> None:
    pipeline.drop("one.json", [line("a")])
    pipeline.run_well()
    archived(home, "one.json").unlink()
    with pytest.raises(PermanentError, match=r"one.json is in the ledger but not in the archive"):
        reparse(pipeline)
    pipeline.drop("two.json", [line("b")])
    pipeline.run_well()
    assert events(pipeline) == [("a",), ("b",)]

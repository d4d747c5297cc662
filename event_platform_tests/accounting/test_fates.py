"""What became of every staged line is known without reading again what was counted before, and is what reading everything finds."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from event_platform import accounting, environment, partitions, retention, tables, upkeep
from event_platform.accounting import Account
from event_platform.accounting.fates import Tally
from event_platform.accounting.known import Fate, Fates
from event_platform.aggregate import aggregates_of
from event_platform.aggregate.daily import aggregate_pending
from event_platform.engines.duckdb import connect
from event_platform.lake.table import Change
from event_platform.lake.write import without, write
from event_platform.landing.claiming import claim_pending
from event_platform.sources.retention import Retention
from event_platform.stage.staging import reparse, stage_pending
from event_platform.trusted.merge import merge_pending
from event_platform_tests.pipeline import Pipeline, line

TODAY = date(2026, 3, 12)


@pytest.fixture
def pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - sets the home
    """Payments of which a has a later version, and one line is torn."""
    pipeline = Pipeline()
    arrive(pipeline, line("a"), line("a", "2026-03-01T13:00:00"), line("b", "2026-03-05T10:00:00"), line("c", "2026-03-10T10:00:00"), "torn")
    return pipeline


def told(pipeline: Pipeline) -> Fates:
    """As it is kept, or carried on."""
    with connect(environment.read()) as duck:
        return Tally.of(pipeline.lake, pipeline.source, duck).by_landing_date()


def read(pipeline: Pipeline) -> dict[date, Fate]:
    """The same, by looking at each row of stage and of trusted."""
    trusted = {
        place: event for event, *place_ in pipeline.sql("SELECT event_id, file_id, line_number FROM trusted.payments") for place in [tuple(place_)]
    }
    first_kept = Tally.of(pipeline.lake, pipeline.source, None).trusted.note("retention").get("first_kept", "0001-01-01")  # type: ignore[arg-type]
    found: dict[date, Counter[str]] = {}
    for event, landed_on, at, *place in pipeline.sql("SELECT event_id, landing_date, event_date, file_id, line_number FROM stage.payments"):
        kind = (
            "trusted"
            if tuple(place) in trusted
            else "superseded"
            if event in trusted.values()
            else "expired"
            if str(at) < str(first_kept)
            else "lost"
        )
        found.setdefault(landed_on, Counter())[kind] += 1  # type: ignore[arg-type]
    return {day: Fate(kinds["trusted"], kinds["superseded"], kinds["expired"]) for day, kinds in found.items()}


def arrive(pipeline: Pipeline, *lines: str) -> None:
    """What a run does with a file, without Dagster."""
    pipeline.drop(f"{len(lines)}.json", lines)
    with connect(environment.read()) as duck:
        merged = pipeline.lake.open(tables.trusted(pipeline.source)).consumed("stage.payments")
        claim_pending(pipeline.lake, pipeline.source, duck, "run")
        stage_pending(pipeline.lake, pipeline.source, duck, "run")
        (came,) = pipeline.lake.open(tables.stage(pipeline.source)).changes_since(merged)
        merge(pipeline)
        accounting.fate_of_files(pipeline.lake, pipeline.source, duck, came.first_file_id, came.last_file_id)


def merge(pipeline: Pipeline) -> None:
    with connect(environment.read()) as duck:
        merge_pending(pipeline.lake, pipeline.source, duck, "run")
        for aggregate in aggregates_of(pipeline.source):
            aggregate_pending(pipeline.lake, aggregate, duck, "run")


def newer_versions(pipeline: Pipeline) -> None:
    """Of an event on the same date, of one that moves to another, and of one that is older than what is there."""
    arrive(pipeline, line("a", "2026-03-01T14:00:00"), line("b", "2026-03-08T10:00:00"), line("c", "2026-03-09T10:00:00"), line("d"))


def mended_lines(pipeline: Pipeline) -> None:
    """Lines that were in quarantine are taken, and everything is parsed anew."""
    (archived,) = pipeline.lake.environment.landing.rglob("*-5.json")
    archived.write_text(archived.read_text().replace("torn", line("e")))
    reprocess(pipeline)


def reprocess(pipeline: Pipeline) -> None:
    with connect(environment.read()) as duck:
        reparse(pipeline.lake, pipeline.source, duck, "again", [partitions.today()])
    merge(pipeline)


def keep(pipeline: Pipeline, how_long: Retention, today: date = TODAY) -> None:
    with connect(environment.read()) as duck:
        assert [*retention.expire(pipeline.lake, replace(pipeline.source, retention=how_long), duck, today)]


def old_events_go(pipeline: Pipeline) -> None:
    keep(pipeline, Retention(trusted_days=5))


def an_expired_event_is_sent_again(pipeline: Pipeline) -> None:
    old_events_go(pipeline)
    told(pipeline)
    arrive(pipeline, line("b", "2026-03-11T10:00:00"), line("x", "2026-03-02T10:00:00"))


def stage_goes(pipeline: Pipeline) -> None:
    keep(pipeline, Retention(stage_days=0), partitions.today() + timedelta(days=1))


def more_after_stage_went(pipeline: Pipeline) -> None:
    stage_goes(pipeline)
    told(pipeline)
    newer_versions(pipeline)


def small_files_become_large_ones(pipeline: Pipeline) -> None:
    for number in range(5):
        arrive(pipeline, line(f"small {number}"))
    told(pipeline)
    with connect(environment.read()) as duck:
        assert any(each.compacted_files for each in upkeep.maintain_source(pipeline.lake, pipeline.source, duck, timedelta(days=1)))


def snapshots_are_forgotten(pipeline: Pipeline) -> None:
    newer_versions(pipeline)
    with connect(environment.read()) as duck:
        list(upkeep.maintain_source(pipeline.lake, pipeline.source, duck, timedelta(0)))


def nothing(pipeline: Pipeline) -> None:
    """As it was."""


EVENTS: list[Callable[[Pipeline], None]] = [
    nothing,
    newer_versions,
    mended_lines,
    reprocess,
    old_events_go,
    an_expired_event_is_sent_again,
    stage_goes,
    more_after_stage_went,
    small_files_become_large_ones,
    snapshots_are_forgotten,
]


@pytest.mark.parametrize("happens", EVENTS)
def test_what_is_carried_on_is_what_reading_every_row_finds(pipeline: Pipeline, happens: Callable[[Pipeline], None]) -> None:
    assert told(pipeline) == read(pipeline) == {partitions.today(): Fate(3, 1, 0)}
    happens(pipeline)
    assert told(pipeline) == read(pipeline)
    arrive(pipeline, line("a", "2026-03-10T15:00:00"), line("c", "2026-03-11T10:00:00"), line("f"))
    assert told(pipeline) == read(pipeline)
    assert pipeline.status().balanced


def hidden(files: Iterable[Path]) -> int:
    """Put files out of reach; how many."""
    return sum(1 for path in [*files] if path.rename(path.with_suffix(".away")))


def test_no_row_is_read_again_when_nothing_was_written_since_the_run(pipeline: Pipeline, home: Path) -> None:
    newer_versions(pipeline)
    kept = (home / "accounts" / "payments.json").read_text()
    assert hidden(path for layer in ("stage", "trusted", "quarantine") for path in (home / "lake" / layer).rglob("*.parquet")) > 5
    with connect(environment.read()) as duck:
        status = accounting.status(pipeline.lake, pipeline.source, duck, 0)
    assert (status.balanced, status.total) == (True, Account(9, 0, 8, 1, 4, 4))
    assert (home / "accounts" / "payments.json").read_text() == kept


def test_of_what_was_counted_only_what_changed_is_read(pipeline: Pipeline, home: Path) -> None:
    """What was staged before, and a date of trusted to which nothing is written, are out of reach when it is counted."""
    before = [*(home / "lake" / "stage" / "payments" / "data").rglob("*.parquet"), *(home / "lake" / "trusted").rglob("day=10/*.parquet")]
    kept = (home / "accounts" / "payments.json").read_text()
    arrive(pipeline, line("a", "2026-03-01T14:00:00"), line("d"))
    (home / "accounts" / "payments.json").write_text(kept)
    assert hidden(before) == 2
    with connect(environment.read()) as duck:
        status = accounting.status(pipeline.lake, pipeline.source, duck, 0)
    assert (status.balanced, status.total) == (True, Account(7, 0, 6, 1, 4, 2))


@pytest.mark.parametrize("condition", ["event_id = 'c'", "event_id = 'a'"])
def test_rows_that_somebody_takes_out_of_trusted_are_missed(pipeline: Pipeline, condition: str) -> None:
    trusted = pipeline.lake.open(tables.trusted(pipeline.source))
    with connect(environment.read()) as duck:
        kept, old = without(duck, trusted, condition)
        trusted.commit(Change("upkeep"), "vandal", kept, old)
    assert not pipeline.status().balanced
    assert told(pipeline) == read(pipeline)
    arrive(pipeline, line("z"))
    assert not pipeline.status().balanced
    assert told(pipeline) == read(pipeline)


def test_rows_whose_event_somebody_renames_in_trusted_no_longer_stand_for_its_other_versions(pipeline: Pipeline) -> None:
    trusted = pipeline.lake.open(tables.trusted(pipeline.source))
    renamed = f"SELECT * REPLACE (CASE event_id WHEN 'a' THEN 'renamed' ELSE event_id END AS event_id) FROM ({trusted.select()})"
    with connect(environment.read()) as duck:
        trusted.commit(Change("upkeep"), "vandal", write(duck, trusted, renamed), trusted.files())
    assert not pipeline.status().balanced
    assert told(pipeline) == read(pipeline) == {partitions.today(): Fate(3, 0, 0)}


def test_everything_is_counted_when_files_that_left_trusted_are_gone(pipeline: Pipeline, home: Path) -> None:
    """As in a lake that was copied without its past, or when maintenance deletes them at this moment."""
    trusted = pipeline.lake.open(tables.trusted(pipeline.source))
    then, kept = {file.file_path for file in trusted.files()}, (home / "accounts" / "payments.json").read_text()
    newer_versions(pipeline)
    trusted.refresh()
    assert hidden(map(Path, trusted.storage.paths(sorted(then - {file.file_path for file in trusted.files()}))))
    (home / "accounts" / "payments.json").write_text(kept)
    assert told(pipeline) == read(pipeline)
    assert pipeline.status().balanced


def test_what_was_kept_and_cannot_be_read_is_counted_anew(pipeline: Pipeline, home: Path) -> None:
    before = told(pipeline)
    (home / "accounts" / "payments.json").write_text('{"state": [')
    assert told(pipeline) == before

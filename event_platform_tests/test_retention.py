"""Each layer keeps its rows as long as its contract says; what is gone stays gone, and the accounting closes."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from event_platform import accounting, environment, partitions, retention, sources, tables
from event_platform.accounting import Account
from event_platform.aggregate import aggregates_of
from event_platform.aggregate.daily import aggregate_pending
from event_platform.engines.duckdb import connect
from event_platform.errors import ConfigurationError
from event_platform.landing import queue
from event_platform.landing.claiming import claim_pending
from event_platform.landing.expiry import unarchived
from event_platform.sources.contract import Source
from event_platform.sources.retention import Retention
from event_platform.stage.staging import landed_dates, reparse, stage_pending
from event_platform.trusted.merge import merge_pending, rebuild_dates
from event_platform_tests.pipeline import Pipeline, line

TODAY = date(2026, 3, 12)
FIVE_DAYS = Retention(trusted_days=5)
"""On that day, 7 March is the first kept."""

OLD = [line("a", "2026-03-01T10:00:00"), line("a", "2026-03-02T10:00:00"), line("b", "2026-03-05T10:00:00")]
KEPT = [line("c", "2026-03-07T00:00:00"), line("d", "2026-03-10T10:00:00")]


def process(pipeline: Pipeline, source: Source | None = None) -> None:
    """What a run does, without Dagster."""
    chosen = source or pipeline.source
    with connect(environment.read()) as duck:
        claim_pending(pipeline.lake, chosen, duck, "run")
        stage_pending(pipeline.lake, chosen, duck, "run")
        _downstream(pipeline, chosen, duck)


def _downstream(pipeline: Pipeline, source: Source, duck: object) -> None:
    merge_pending(pipeline.lake, source, duck, "run")  # type: ignore[arg-type]
    for aggregate in aggregates_of(source):
        aggregate_pending(pipeline.lake, aggregate, duck, "run")  # type: ignore[arg-type]


def landed(lines: Iterable[str], source: str = "payments") -> Pipeline:
    pipeline = Pipeline(sources.get(source))
    pipeline.drop("first.json", lines)
    process(pipeline)
    return pipeline


def expire(pipeline: Pipeline, keep: Retention, today: date = TODAY) -> dict[str, tuple[int, int]]:
    """Rows and files removed, by table."""
    with connect(environment.read()) as duck:
        done = [*retention.expire(pipeline.lake, replace(pipeline.source, retention=keep), duck, today)]
    assert all(each.before <= today for each in done)
    return {each.what: (each.rows, each.files) for each in done}


def total(pipeline: Pipeline) -> Account:
    with connect(environment.read()) as duck:
        accounts = accounting.by_landing_date(pipeline.lake, pipeline.source, duck)
    assert all(account.landed_closes and account.staged_closes for account in accounts.values())
    return sum(accounts.values(), Account())


def events(pipeline: Pipeline) -> list[object]:
    return [event for (event,) in pipeline.sql("SELECT event_id FROM trusted.payments ORDER BY 1")]


def counted_on(pipeline: Pipeline) -> list[object]:
    return [day for (day,) in pipeline.sql("SELECT DISTINCT event_date FROM aggregate.payments_daily ORDER BY 1")]


def test_events_past_their_retention_go_and_nothing_brings_them_back(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = landed([*OLD, *KEPT])
    assert expire(pipeline, FIVE_DAYS) == {"trusted.payments": (2, 2)}
    assert events(pipeline) == ["c", "d"]
    assert expire(pipeline, FIVE_DAYS) == {}

    pipeline.drop("late.json", [line("e", "2026-03-06T23:59:59"), line("b", "2026-03-04T10:00:00")])
    process(pipeline)
    assert events(pipeline) == ["c", "d"]
    with connect(environment.read()) as duck:
        reparse(pipeline.lake, pipeline.source, duck, "run", [partitions.today()])
        _downstream(pipeline, pipeline.source, duck)
        rebuild_dates(pipeline.lake, pipeline.source, duck, "run", partitions.days_between(date(2026, 3, 1), TODAY))
    assert events(pipeline) == ["c", "d"]
    found = total(pipeline)
    assert (found.landed, found.staged, found.trusted, found.superseded, found.expired) == (7, 7, 2, 0, 5)
    with connect(environment.read()) as duck:
        seen = pipeline.lake.open(tables.seen(pipeline.source)).select()
        assert duck.execute(f"SELECT min(event_date) FROM ({seen})").fetchall() == [(date(2026, 3, 7),)]


def test_an_old_event_that_is_sent_with_a_new_time_is_there_again(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = landed([*OLD, *KEPT])
    expire(pipeline, FIVE_DAYS)
    pipeline.drop("again.json", [line("b", "2026-03-11T10:00:00")])
    process(pipeline)
    assert events(pipeline) == ["b", "c", "d"]
    found = total(pipeline)
    assert (found.trusted, found.superseded, found.expired) == (3, 1, 2)


def test_a_longer_retention_later_brings_nothing_back(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = landed([*OLD, *KEPT])
    expire(pipeline, FIVE_DAYS)
    expire(pipeline, Retention(trusted_days=100))
    with connect(environment.read()) as duck:
        reparse(pipeline.lake, pipeline.source, duck, "run", [partitions.today()])
        _downstream(pipeline, pipeline.source, duck)
    assert events(pipeline) == ["c", "d"]


def test_counts_in_which_nobody_is_named_stay_longer_than_the_events(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = landed([*OLD, *KEPT])
    expire(pipeline, FIVE_DAYS)
    pipeline.drop("late.json", [line("z", "2026-03-02T11:00:00"), line("y", "2026-03-10T11:00:00")])
    process(pipeline)
    everything = [date(2026, 3, day) for day in (2, 5, 7, 10)]
    assert counted_on(pipeline) == everything
    assert expire(pipeline, Retention(trusted_days=5, aggregate_days=8)) == {"aggregate.payments_daily": (1, 1)}
    assert counted_on(pipeline) == everything[1:]
    with connect(environment.read()) as duck:
        _downstream(pipeline, pipeline.source, duck)
    assert counted_on(pipeline) == everything[1:]


def test_trusted_waits_for_what_is_made_from_it(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("first.json", OLD)
    with connect(environment.read()) as duck:
        claim_pending(pipeline.lake, pipeline.source, duck, "run")
        stage_pending(pipeline.lake, pipeline.source, duck, "run")
        assert expire(pipeline, FIVE_DAYS) == {}
        merge_pending(pipeline.lake, pipeline.source, duck, "run")
        assert expire(pipeline, FIVE_DAYS) == {}
        _downstream(pipeline, pipeline.source, duck)
    assert expire(pipeline, FIVE_DAYS) == {"trusted.payments": (2, 2)}


def test_answers_that_name_persons_go_with_the_events_as_if_these_had_never_been(home: Path) -> None:  # noqa: ARG001 - sets the home
    def click(username: str, at: str) -> str:
        seconds = int(datetime.fromisoformat(f"{at}+00:00").timestamp())
        return json.dumps({"username": username, "page": "/", "event_name": "click", "event_time": seconds})

    pipeline = landed([click("ada", "2026-03-06T23:59:59"), click("ben", "2026-03-07T00:00:00")], "clickstream")
    assert pipeline.sql("SELECT count(*) FROM aggregate.clickstream_windows") == [(2,)]
    expire(pipeline, FIVE_DAYS)
    process(pipeline)
    assert pipeline.sql("SELECT username FROM aggregate.clickstream_windows") == [("ben",)]
    assert total(pipeline).expired == 1


def test_a_file_that_a_dead_claim_left_is_there_for_the_next_however_old_its_date(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = landed(KEPT)
    pipeline.drop("second.json", [line("e", "2026-03-10T11:00:00")])
    entered = pipeline.lake.open(tables.ledger(pipeline.source)).last_file_id
    assert list(queue.claim(environment.read(), pipeline.source, partitions.today(), entered + 1))
    keep, later = Retention(archive_days=1, stage_days=1, quarantine_days=1), partitions.today() + timedelta(days=9)
    assert expire(pipeline, keep, later) == {}
    process(pipeline)
    with connect(environment.read()) as duck:
        rebuild_dates(pipeline.lake, pipeline.source, duck, "backfill", [date(2026, 3, 10)])
    assert events(pipeline) == ["c", "d", "e"]
    assert expire(pipeline, keep, later) == {"stage.payments": (3, 2), "landing.payments": (3, 2)}
    assert total(pipeline).landed == 3


def test_the_archive_stays_as_long_as_anything_is_parsed_from_it(home: Path) -> None:
    pipeline = landed([*KEPT, "torn"])
    before, landing = total(pipeline), partitions.today()
    keep = Retention(archive_days=2, stage_days=1, quarantine_days=2)
    archived = home / "lake" / "landing" / "payments" / "processed" / f"date={landing}"
    assert expire(pipeline, keep, landing + timedelta(days=2)) == {"stage.payments": (2, 1)}
    assert archived.is_dir()
    assert expire(pipeline, keep, landing + timedelta(days=3)) == {"quarantine.payments": (1, 1), "landing.payments": (3, 1)}
    assert not archived.exists()
    assert expire(pipeline, keep, landing + timedelta(days=4)) == {}
    assert total(pipeline) == before

    assert landed_dates(pipeline.lake, pipeline.source) == frozenset()
    with connect(environment.read()) as duck:
        assert reparse(pipeline.lake, pipeline.source, duck, "run", [landing]).files == ()
        rebuild_dates(pipeline.lake, pipeline.source, duck, "run", [date(2026, 3, 7)])
    pipeline.drop("again.json", [*KEPT, "torn"])
    process(pipeline)
    assert pipeline.sql("SELECT count(*) FROM stage.payments") == [(0,)]
    assert events(pipeline) == ["c", "d"]
    assert total(pipeline) == before


def test_rows_that_only_trusted_still_has_are_counted_when_they_expire(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline, later = landed([*OLD, *KEPT]), partitions.today() + timedelta(days=1)
    expire(pipeline, Retention(stage_days=0), later)
    expire(pipeline, FIVE_DAYS)
    found = total(pipeline)
    assert (found.staged, found.trusted, found.superseded, found.expired) == (5, 2, 1, 2)
    with connect(environment.read()) as duck:
        reparse(pipeline.lake, pipeline.source, duck, "run", [partitions.today()])
        _downstream(pipeline, pipeline.source, duck)
    found = total(pipeline)
    assert (found.staged, found.trusted, found.superseded, found.expired) == (5, 2, 0, 3)
    expire(pipeline, Retention(stage_days=0), later)
    assert total(pipeline) == found


def test_a_lake_that_never_had_the_events_holds_the_same(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    first = landed([*OLD, *KEPT])
    expire(first, FIVE_DAYS)
    first.drop("more.json", [line("c", "2026-03-07T00:00:01"), line("a", "2026-03-03T00:00:00"), line("f", "2026-03-12T00:00:00")])
    process(first)
    query = "SELECT event_id, timestamp::VARCHAR, event_date FROM trusted.payments ORDER BY ALL"
    rows = first.sql(query)
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path / "another"))
    second = landed(KEPT)
    second.drop("more.json", [line("c", "2026-03-07T00:00:01"), line("f", "2026-03-12T00:00:00")])
    process(second)
    assert second.sql(query) == rows


def test_a_person_is_erased_whose_file_is_gone(home: Path) -> None:  # noqa: ARG001 - sets the home
    from event_platform.erasure import search
    from event_platform.suppression import Suppression

    body = {"account_id": "account-ada"}
    pipeline = landed([line("a", "2026-03-10T10:00:00", data=body), *KEPT])
    expire(pipeline, Retention(archive_days=0, stage_days=0, quarantine_days=0), partitions.today() + timedelta(days=1))
    assert unarchived(pipeline.lake, pipeline.source) == {partitions.today()}
    suppression = Suppression.of(environment.read())
    hashed = suppression.hash("account_id", "account-ada")
    suppression.add(pipeline.source, hashed)
    with connect(environment.read()) as duck:
        suppression.tell(duck, [hashed])
        assert search.dates_to_parse(duck, pipeline.lake, pipeline.source, frozenset()) == frozenset()
        assert search.drop_unarchived(pipeline.lake, duck, pipeline.source) == 1
        assert search.drop_unarchived(pipeline.lake, duck, pipeline.source) == 0
        _downstream(pipeline, pipeline.source, duck)
    assert events(pipeline) == ["c", "d"]
    found = total(pipeline)
    assert (found.staged, found.trusted, found.superseded, found.expired) == (3, 2, 0, 1)
    assert pipeline.sql("SELECT sum(events)::INT FROM aggregate.payments_daily") == [(2,)]


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        (Retention(archive_days=30), "`archive_days` is 30 and `stage_days` says for ever"),
        (Retention(archive_days=30, stage_days=30, quarantine_days=31), "`quarantine_days` says for 31 days"),
        (Retention(aggregate_days=30), "`trusted_days` says for ever"),
        (Retention(trusted_days=30, aggregate_days=29), "what trusted holds would be counted no more"),
        (Retention(stage_days=-1), "`stage_days` is -1, which is no number of days"),
    ],
)
def test_a_retention_that_cannot_be_is_refused_in_words(keep: Retention, why: str) -> None:
    with pytest.raises(ConfigurationError, match="payments") as refused:
        replace(sources.get("payments"), retention=keep)
    assert why in str(refused.value)


def test_the_nightly_job_does_it_and_dagster_shows_what_went(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - sets the home
    import dagster as dg

    from event_platform import upkeep
    from event_platform.definitions import defs
    from event_platform.instance import open_instance

    pipeline = Pipeline()
    pipeline.drop("first.json", [*OLD, *KEPT])
    pipeline.run_well()
    days = (datetime.now(UTC).date() - date(2026, 3, 7)).days
    keeping = replace(pipeline.source, retention=Retention(trusted_days=days))
    monkeypatch.setattr(upkeep, "all_sources", lambda: {"payments": keeping})
    with open_instance() as instance:
        assert defs.resolve_job_def("maintain").execute_in_process(instance=instance).success
        seen = instance.fetch_observations(dg.AssetKey(["trusted", "payments"]), limit=1).records[0].asset_observation
    assert seen is not None
    assert seen.metadata["expired rows"].value == 2
    assert events(pipeline) == ["c", "d"]
    pipeline.run_well()
    assert pipeline.status().balanced

"""Insights from question to answer: the made-up API, the pulls, the asset, and what becomes of a date that is pulled again."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_platform import environment, sources
from event_platform.definitions import defs
from event_platform.errors import ConfigurationError, RefusedError, UnavailableError
from event_platform.instance import open_instance
from event_platform.pulls.insights import pull_dates
from event_platform.pulls.pulled import Failed, raise_first
from event_platform.runs import asset_of, run_dates
from event_platform.samples.apis import insights_api
from event_platform.samples.insights import records_of
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.pulls.conftest import opened
from event_platform_tests.pulls.servers import Script, answers, serving

DAY = date(2026, 1, 5)


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with opened(insights_api()) as url:
        yield url


@pytest.fixture
def pipeline(home: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:  # noqa: ARG001 - sets the home
    monkeypatch.setenv("EVENT_PLATFORM_PULL_DEADLINE_SECONDS", "0.5")
    return Pipeline(sources.get("insights"))


@pytest.fixture
def asking(pipeline: Pipeline, api: str, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setenv("EVENT_PLATFORM_INSIGHTS_URL", api)
    return pipeline


def pending(pipeline: Pipeline) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(pipeline.pending_folder().iterdir())}


def outcomes(*days: date, count: int) -> tuple[list[str], list[str]]:
    done, failed = pull_dates(environment.read(), days, count)
    return [pulled.outcome for pulled in done], [each.what for each in failed]


# Pulling.


def test_a_date_lands_byte_for_byte(asking: Pipeline, api: str) -> None:
    (pulled,), failed = pull_dates(environment.read(), [DAY], 20)
    assert failed == []
    body = requests.get(f"{api}/records?date=2026-01-05&count=20", timeout=10).content
    assert pending(asking) == {"insights-2026-01-05.json": body}
    assert pulled.facts() == {
        "outcome": "complete",
        "status": 200,
        "records": 20,
        "asked": 20,
        "bytes": len(body),
        "attempts": 1,
        "file": "insights-2026-01-05.json",
    }
    assert list(environment.read().scratch.glob("pull-*")) == []


@pytest.mark.parametrize(("records", "outcome"), [([{}] * 3, "complete"), ([{}] * 2, "short"), ([{}] * 4, "long"), ([], "empty")])
def test_an_answer_of_another_length_is_told(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, records: list[object], outcome: str) -> None:
    with serving(answers(records)) as script:
        monkeypatch.setenv("EVENT_PLATFORM_INSIGHTS_URL", f"{script.url}/")
        assert outcomes(DAY, count=3) == ([outcome], [])
    assert script.asked == ["/records?date=2026-01-05&count=3"]
    assert list(pending(pipeline)) == (["insights-2026-01-05.json"] if records else [])


def test_a_date_that_is_refused_does_not_stop_the_next(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answers([{}]), answers({}, "404 Not Found"), answers([{}])) as script:
        monkeypatch.setenv("EVENT_PLATFORM_INSIGHTS_URL", script.url)
        assert outcomes(*(DAY + timedelta(days=number) for number in range(3)), count=1) == (["complete", "complete"], ["2026-01-06"])
    assert list(pending(pipeline)) == ["insights-2026-01-05.json", "insights-2026-01-07.json"]


def test_an_api_that_is_away_is_not_asked_for_every_date(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answers([{}]), answers({}, "503 Busy", Retry_After="900")) as script:
        monkeypatch.setenv("EVENT_PLATFORM_INSIGHTS_URL", script.url)
        done, failed = pull_dates(environment.read(), [DAY + timedelta(days=number) for number in range(400)], 1)
        assert (len(done), len(script.asked)) == (1, 2)
    with pytest.raises(UnavailableError, match=r"399 of 400 pulls.*2026-01-06.*2026-01-07.*900 s"):
        raise_first(failed, 400)
    assert list(pending(pipeline)) == ["insights-2026-01-05.json"]


def test_one_failure_of_many_keeps_its_class() -> None:
    with pytest.raises(RefusedError, match=r"1 of 3 .*: b\. The first: no"):
        raise_first([Failed("b", RefusedError("no"))], 3)


def test_without_an_address_the_setting_is_named(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENT_PLATFORM_INSIGHTS_URL", raising=False)
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_INSIGHTS_URL"):
        pull_dates(environment.read(), [DAY], 1)
    assert pending(pipeline) == {}


# In Dagster.


def facts_of(instance: dg.DagsterInstance, day: date) -> dict[str, object]:
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(["api", "insights"]), asset_partitions=[day.isoformat()]), limit=10
    ).records
    return {name: value.value for name, value in records[0].asset_materialization.metadata.items()} if records else {}


def test_a_backfill_pulls_its_dates_in_one_run_and_records_each(asking: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_INSIGHTS_COUNT", "7")
    with open_instance() as instance:
        outcome = run_dates(asset_of("api.insights"), DAY, DAY + timedelta(days=2), instance, asking.told.append)
        assert outcome.failures == ()
        assert [facts_of(instance, DAY + timedelta(days=number)).get("records") for number in range(4)] == [7, 7, 7, None]
        assert facts_of(instance, DAY)["outcome"] == "complete"
    assert len(pending(asking)) == 3
    assert len([line for line in asking.told if "complete, 7 records" in line]) == 3


def test_a_backfill_with_a_failure_fails_and_keeps_what_it_landed(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answers([{}]), answers({}, "404 Not Found"), answers([])) as script, open_instance() as instance:
        monkeypatch.setenv("EVENT_PLATFORM_INSIGHTS_URL", script.url)
        outcome = run_dates(asset_of("api.insights"), DAY, DAY + timedelta(days=2), instance, pipeline.told.append)
        (failure,) = outcome.failures
        assert "2026-01-06" in failure and "404" in failure
        assert [facts_of(instance, DAY + timedelta(days=number)).get("outcome") for number in range(3)] == ["short", None, "empty"]
    assert list(pending(pipeline)) == ["insights-2026-01-05.json"]


def test_the_pull_is_upstream_of_the_landing() -> None:
    graph = defs.resolve_asset_graph()
    assert graph.get(dg.AssetKey(["landing", "insights"])).parent_keys == {dg.AssetKey(["api", "insights"])}
    assert graph.get(dg.AssetKey(["landing", "payments"])).parent_keys == set()


def test_the_schedule_pulls_yesterday_and_only_where_there_is_an_address(
    pipeline: Pipeline,  # noqa: ARG001 - sets the home
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from event_platform.definitions import definitions

    schedule = defs.resolve_schedule_def("insights_daily_pull")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 1, 6, 0, 30, tzinfo=UTC), repository_def=defs.get_repository_def())
    monkeypatch.delenv("EVENT_PLATFORM_INSIGHTS_URL", raising=False)
    assert "EVENT_PLATFORM_INSIGHTS_URL" in str(schedule.evaluate_tick(context).skip_message)
    monkeypatch.setenv("EVENT_PLATFORM_INSIGHTS_URL", "http://127.0.0.1:9")
    schedule = definitions().resolve_schedule_def("insights_daily_pull")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key == "2026-01-05"


# From there to the answer.


def counts(pipeline: Pipeline) -> dict[object, object]:
    rows = pipeline.sql("SELECT event_date, event_name, events FROM aggregate.insights_daily ORDER BY ALL")
    return {(day, name): events for day, name, events in rows}


def expected(day: date, records: int) -> dict[object, object]:
    return {(day, name): events for name, events in Counter(record["event_name"] for record in json.loads(records_of(day, records))).items()}


def test_a_date_that_is_pulled_again_is_not_doubled_and_more_adds(asking: Pipeline) -> None:
    for counts_pulled in ([60], [60, 10, 49, 120]):
        for count in counts_pulled:
            assert outcomes(DAY, count=count) == (["complete"], [])
        asking.run_well()
        assert counts(asking) == expected(DAY, max(counts_pulled))
    assert asking.sql("SELECT count(*), count(DISTINCT event_id) FROM trusted.insights") == [(120, 120)]
    status = asking.status()
    assert status.balanced
    assert (status.total.quarantined, status.total.trusted, status.total.superseded) == (0, 120, 60 + 10 + 49)


@given(counts_pulled=st.lists(st.integers(0, 130), min_size=1, max_size=4))
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_whatever_order_a_date_is_pulled_the_largest_answer_is_what_is_known(
    asking: Pipeline, counts_pulled: list[int], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path_factory.mktemp("home")))
    for count in counts_pulled:
        pull_dates(environment.read(), [DAY], count)
    asking.run_well()
    if max(counts_pulled):
        assert counts(asking) == expected(DAY, max(counts_pulled))


def test_times_are_utc_and_users_personal(asking: Pipeline) -> None:
    pull_dates(environment.read(), [DAY], 5)
    asking.run_well()
    first = json.loads(records_of(DAY, 1))[0]
    ((moment, kind),) = asking.sql(f"SELECT event_time, domain_event_type FROM trusted.insights WHERE username = '{first['username']}' LIMIT 1")
    assert isinstance(moment, datetime)
    assert (moment.astimezone(UTC), kind) == (datetime.fromtimestamp(first["event_time"], UTC), first["event_name"])
    assert asking.source.column("username").personal
    assert all(first["username"] not in told for told in asking.told)


def test_records_that_break_the_contract_are_in_quarantine(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    good = json.loads(records_of(DAY, 1))[0]
    bad = [good | {"event_name": "hover"}, good | {"event_time": "noon"}, {"page": "/"}, "text"]
    with serving(answers([good, *bad])) as script:
        monkeypatch.setenv("EVENT_PLATFORM_INSIGHTS_URL", script.url)
        assert outcomes(DAY, count=5) == (["complete"], [])
    pipeline.run_well()
    total = pipeline.status().total
    assert (total.trusted, total.quarantined) == (1, 4)


# On the command line.


class CommandLine:
    def __init__(self, home: Path, **surroundings: str) -> None:
        self.surroundings = os.environ | {"EVENT_PLATFORM_HOME": str(home)} | surroundings

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "event_platform.cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=self.surroundings, check=False)


def test_the_commands_of_the_docs_give_what_they_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell, pulls, answer = re.findall(r"```(?:sh)?\n(.*?)```", (environment.CHECKOUT / "docs" / "feeds" / "insights.md").read_text(), re.DOTALL)
    commands = [shlex.split(line, comments=True)[1:] for line in shell.splitlines() if line.startswith("event-platform ")]
    assert commands[0] == ["serve", "insights"]
    served = subprocess.Popen([sys.executable, "-m", "event_platform.cli", *commands[0], "--port", "0"], stderr=subprocess.PIPE, text=True)
    assert served.stderr
    url = re.findall(r"http://127\.0\.0\.1:\d+", served.stderr.readline())[0]
    command_line = CommandLine(tmp_path, EVENT_PLATFORM_INSIGHTS_URL=url)
    ended = [command_line(*command) for command in commands[1:]]
    served.send_signal(signal.SIGINT)
    assert (served.communicate(timeout=60)[1], served.returncode) == ("", 0)
    assert [each.returncode for each in ended] == [0] * len(ended)
    assert [line[9:] for each in ended[:2] for line in each.stderr.splitlines()] == [line[9:] for line in pulls.splitlines()]
    assert ended[-1].stdout == answer
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path))
    with open_instance() as instance:
        assert facts_of(instance, DAY + timedelta(days=1))["records"] == 60


@pytest.mark.parametrize(
    ("step", "code", "word"),
    [(answers({}, "404 Not Found"), 4, "404"), (answers(b"<p>"), 4, "web page"), (answers({}, "503 Busy", Retry_After="9"), 5, "9 s")],
)
def test_an_error_is_one_paragraph_with_the_exit_code_of_its_class(tmp_path: Path, step: object, code: int, word: str) -> None:
    with serving(step) as script:  # type: ignore[arg-type]
        command_line = CommandLine(tmp_path, EVENT_PLATFORM_INSIGHTS_URL=script.url, EVENT_PLATFORM_PULL_DEADLINE_SECONDS="8")
        ended = command_line("pull", "insights", "--date", "2026-01-05")
    assert isinstance(script, Script)
    assert (ended.returncode, "Traceback" in ended.stderr, "leaked" in ended.stderr) == (code, False, False)
    assert word in ended.stderr
    assert ended.stderr.count("Nothing was landed") == 1


def test_dates_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    ended = CommandLine(tmp_path)("pull", "insights", "--date", "2026-01-05", "--to", "2026-01-04")
    assert (ended.returncode, "before --date 2026-01-05" in ended.stderr) == (2, True)

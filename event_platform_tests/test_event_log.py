"""Events stored together are what the same events stored one by one are, to whoever asks Dagster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import DagsterEvent, StepMaterializationData
from dagster._core.events.log import EventLogEntry

from event_platform.event_log import HomeEventLog
from event_platform.instance import open_instance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

KEY, OTHER = dg.AssetKey(["trusted", "payments"]), dg.AssetKey(["aggregate", "payments_daily"])
DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]
RUN = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def instance(home: object) -> Iterator[dg.DagsterInstance]:  # noqa: ARG001 - it is set
    with open_instance() as opened:
        assert isinstance(opened.event_log_storage, HomeEventLog)
        yield opened


def entry(event: DagsterEvent, run_id: str, second: int) -> EventLogEntry:
    return EventLogEntry(None, 10, "", run_id, 1_772_323_200.0 + second, dagster_event=event)


def materialized(run_id: str) -> list[EventLogEntry]:
    facts = [dg.AssetMaterialization(key, partition=day, metadata={"rows": 3}, tags={"t": day}) for key in (KEY, OTHER) for day in DAYS]
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION.value
    return [entry(DagsterEvent(kind, "job", event_specific_data=StepMaterializationData(fact)), run_id, at) for at, fact in enumerate(facts)]


def judged(run_id: str, name: str = "unique") -> list[EventLogEntry]:
    verdicts = [dg.AssetCheckEvaluation(KEY, name, passed=day != DAYS[1], partition=day, metadata={"rows at fault": 1}) for day in DAYS]
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION.value
    return [entry(DagsterEvent(kind, "job", event_specific_data=verdict), run_id, at) for at, verdict in enumerate(verdicts)]


def told(instance: dg.DagsterInstance) -> list[object]:
    """What the UI asks."""
    log = instance.event_log_storage
    last = {key: event.asset_materialization.partition for key, event in log.get_latest_materialization_events([KEY, OTHER]).items()}  # type: ignore[union-attr] # they have one
    check = dg.AssetCheckKey(KEY, "unique")
    history = log.get_asset_check_execution_history(check, limit=10)
    return [
        sorted((e.dagster_event_type.value, e.dagster_event.partition) for e in log.get_logs_for_run(RUN)),  # type: ignore[union-attr] # they have one
        log.get_materialized_partitions(KEY),
        last,
        sorted((each.partition, each.status.value) for each in history),
        [log.get_event_tags_for_asset(KEY, filter_tags={"t": day}) for day in DAYS],
    ]


def store(instance: dg.DagsterInstance, events: Sequence[EventLogEntry], together: bool) -> None:
    if together:
        instance.event_log_storage.store_event_batch(events)
    else:
        for event in events:
            instance.event_log_storage.store_event(event)


def test_together_is_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    for together in (False, True):
        monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path / str(together)))
        with open_instance() as opened:
            for events in (materialized(RUN), judged(RUN)):
                store(opened, events, together)
            answers.append(told(opened))
    assert answers[0] == answers[1]
    assert answers[1][1] == set(DAYS)
    assert len(answers[1][3]) == len(DAYS)  # type: ignore[arg-type] # a list


def test_a_verdict_given_again_in_its_run_replaces_the_first(instance: dg.DagsterInstance) -> None:
    for _ in range(2):
        store(instance, judged(RUN), together=True)
    history = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(KEY, "unique"), limit=10)
    assert sorted(str(each.partition) for each in history) == DAYS


def test_a_verdict_that_was_planned_takes_the_place_of_its_plan(instance: dg.DagsterInstance) -> None:
    planned = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value
    plan = DagsterEvent(planned, "job", event_specific_data=AssetCheckEvaluationPlanned(asset_key=KEY, check_name="unique"))
    store(instance, [entry(plan, RUN, 0)], together=False)
    of_all = dg.AssetCheckEvaluation(KEY, "unique", passed=True, metadata={})
    whole = entry(DagsterEvent(dg.DagsterEventType.ASSET_CHECK_EVALUATION.value, "job", event_specific_data=of_all), RUN, 9)
    store(instance, [*judged(RUN), whole], together=True)
    history = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(KEY, "unique"), limit=10)
    given = [("2026-03-01", "SUCCEEDED"), ("2026-03-02", "FAILED"), ("2026-03-03", "SUCCEEDED"), ("None", "SUCCEEDED")]
    assert sorted((str(each.partition), each.status.value) for each in history) == given


def test_a_run_of_a_second_process_finds_its_file_as_one_of_the_first(instance: dg.DagsterInstance) -> None:
    runs = [f"00000000-0000-0000-0000-00000000000{number}" for number in range(3)]
    for run in runs:
        store(instance, judged(run), together=True)
    with open_instance() as again:
        assert [len(again.all_logs(run)) for run in runs] == [len(DAYS)] * 3

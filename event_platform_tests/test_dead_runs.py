"""A run whose process was killed is called failed by the next command of that machine, and no other run is touched."""

from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from event_platform import dead_runs, runs
from event_platform.cli import app
from event_platform.diagnosis import diagnose
from event_platform.instance import open_instance
from event_platform.orchestration.last_run import reason_to_wait
from event_platform.step import SOURCE_TAG
from event_platform_tests.kills import arm, in_child
from event_platform_tests.pipeline import Pipeline, line

KILLED = -9


def killed_run() -> None:
    arm("event_platform.stage.assets", "stage_pending", 1, "before")
    Pipeline().run()


@pytest.fixture
def dead(home: Path) -> str:  # noqa: ARG001 - sets the home
    """The id of a run whose process was killed."""
    Pipeline().drop("a.json", [line("a")])
    assert in_child(killed_run) == KILLED
    assert statuses() == [dg.DagsterRunStatus.STARTED]
    with open_instance() as instance:
        return instance.get_runs()[0].run_id


def statuses() -> list[dg.DagsterRunStatus]:
    """Of all runs, the oldest first."""
    with open_instance() as instance:
        return [run.status for run in reversed(instance.get_runs())]


def test_the_next_run_calls_it_failed_and_does_what_it_left(dead: str) -> None:
    told = CliRunner().invoke(app, ["run", "payments"])
    assert (told.exit_code, f"run {dead[:8]}" in told.output) == (0, True)
    assert statuses() == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]
    assert Pipeline().sql("SELECT event_id FROM trusted.payments") == [("a",)]


def test_the_doctor_calls_it_failed_and_says_so_once(dead: str) -> None:
    def said() -> int:
        return sum(dead[:8] in finding.what for finding in diagnose())

    assert (said(), statuses(), said()) == (1, [dg.DagsterRunStatus.FAILURE], 0)


def test_the_sensor_does_not_wait_for_it(dead: str) -> None:
    with open_instance() as instance:
        waits = reason_to_wait(instance, {SOURCE_TAG: "payments"}, "payments")
        assert waits and "failed" in waits
        assert [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))] == [dead]


def test_a_living_run_is_not_touched(home: Path) -> None:  # noqa: ARG001 - sets the home
    during = []

    def look(message: str) -> None:
        if "claimed" in message:
            with open_instance() as instance:
                during.append((dead_runs.fail_dead(instance), instance.get_runs()[0].status))

    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a")])
    with open_instance() as instance:
        assert [outcome.ok for outcome in runs.process_pending(pipeline.lake, pipeline.source, instance, look)] == [True]
        assert dead_runs.fail_dead(instance) == []
    assert during == [([], dg.DagsterRunStatus.STARTED)]
    assert statuses() == [dg.DagsterRunStatus.SUCCESS]


def test_a_run_that_this_instance_does_not_know_is_left_to_its_own(dead: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("DAGSTER_HOME", str(tmp_path))
        with open_instance() as instance:
            assert dead_runs.fail_dead(instance) == []
    with open_instance() as instance:
        assert dead_runs.fail_dead(instance) == [dead]


def test_a_run_of_another_machine_is_not_touched(dead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere, open_instance() as instance:
        elsewhere.setattr("socket.gethostname", lambda: "elsewhere")
        assert dead_runs.fail_dead(instance) == []
    assert statuses() == [dg.DagsterRunStatus.STARTED]
    with open_instance() as instance:
        assert dead_runs.fail_dead(instance) == [dead]

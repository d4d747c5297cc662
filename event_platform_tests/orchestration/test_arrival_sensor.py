"""The sensor asks for a run when there is work, and only then."""

from pathlib import Path

import dagster as dg
import pytest

from event_platform import tables
from event_platform.definitions import defs
from event_platform.instance import open_instance
from event_platform.lake.table import Change
from event_platform.orchestration import arrival_sensor
from event_platform_tests.pipeline import Pipeline, line


@pytest.fixture
def pipeline(home: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:  # noqa: ARG001 - sets the home
    monkeypatch.setattr(arrival_sensor, "LONG_POLL_SECONDS", 0.0)
    return Pipeline()


def asked() -> list[dg.RunRequest | dg.SkipReason]:
    with open_instance() as instance:
        context = dg.build_sensor_context(instance=instance)
        found = defs.resolve_sensor_def("payments_arrivals") if hasattr(defs, "resolve_sensor_def") else defs.get_sensor_def("payments_arrivals")
        return list(found._raw_fn(context))


def test_a_pending_file_asks_for_an_arrival_run(pipeline: Pipeline) -> None:
    pipeline.drop("a.json", [line("a")])
    (request,) = asked()
    assert isinstance(request, dg.RunRequest)
    assert request.tags["event_platform/arrival"] == "true"


def test_nothing_pending_asks_for_nothing(pipeline: Pipeline) -> None:
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    (skipped,) = asked()
    assert isinstance(skipped, dg.SkipReason)


def test_claimed_but_unfinished_work_asks_for_a_run(pipeline: Pipeline) -> None:
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    pipeline.lake.open(tables.stage(pipeline.source)).commit(Change("upkeep"), "test", notes={"reparsing": {"landing_dates": []}, "x": {}})
    stage = pipeline.lake.open(tables.stage(pipeline.source))
    stage.commit(Change("upkeep"), "test", notes={"reparsing": {"landing_dates": ["2026-01-01"]}})
    (request,) = asked()
    assert isinstance(request, dg.RunRequest)


def test_after_a_failed_run_it_waits(pipeline: Pipeline) -> None:
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    stage = pipeline.lake.open(tables.stage(pipeline.source))
    stage.commit(Change("upkeep"), "vandal", removed=stage.files())
    pipeline.drop("b.json", [line("b")])
    assert not pipeline.run()[0].ok
    pipeline.drop("c.json", [line("c")])
    (skipped,) = asked()
    assert isinstance(skipped, dg.SkipReason)
    assert "failed" in str(skipped.skip_message)

"""What a staging that died, or came second, had put into quarantine is there once in the end, whatever was done to it meanwhile."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest

from event_platform import environment, tables
from event_platform.engines.duckdb import connect
from event_platform.lake.catalog import Lake
from event_platform.lake.maintenance import compact
from event_platform.lake.table import Change, LakeTable
from event_platform.landing.claiming import claim_pending
from event_platform.stage.staging import stage_pending
from event_platform_tests.pipeline import Pipeline, line


@pytest.mark.usefixtures("home")
def test_what_a_slower_one_quarantined_with_more_files_is_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first stages one file; before its last commit the second, who sees two, quarantines the lines of both, and is then late."""
    monkeypatch.setattr(Lake, "writing", lambda *_: nullcontext())
    monkeypatch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
    pipeline, commit = Pipeline(), LakeTable.commit
    held: list[Callable[[], None]] = []

    def arrive(name: str) -> None:
        pipeline.drop(name, [line(name), "{"])
        with connect(environment.read()) as duck:
            claim_pending(Lake(environment.read()), pipeline.source, duck, name)

    def stage(run_id: str) -> None:
        with connect(environment.read()) as duck:
            stage_pending(Lake(environment.read()), pipeline.source, duck, run_id)

    def commit_late(table: LakeTable, change: Change, run_id: str, *arguments: Any, **options: Any) -> None:
        if table.declared.name == "stage.payments" and run_id == "first":
            held.append(partial(commit, table, change, run_id, *arguments, **options))
            arrive("b.json")
            stage("second")
            return
        if table.declared.name == "stage.payments" and held:
            held.pop()()
        commit(table, change, run_id, *arguments, **options)

    arrive("a.json")
    monkeypatch.setattr(LakeTable, "commit", commit_late)
    stage("first")
    assert not held
    assert (pipeline.status().total.staged, pipeline.status().total.quarantined) == (2, 2)


@pytest.mark.usefixtures("home")
def test_what_a_dead_staging_quarantined_is_there_once_though_it_was_joined_to_older_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
    pipeline, commit = Pipeline(), LakeTable.commit

    def die(table: LakeTable, *arguments: Any, **options: Any) -> None:
        if table.declared.name == "stage.payments":
            raise KeyboardInterrupt
        commit(table, *arguments, **options)

    with connect(environment.read()) as duck:
        for number in range(4):
            pipeline.drop(f"{number}.json", [line(f"{number}"), "{"])
            claim_pending(pipeline.lake, pipeline.source, duck, "run")
            if number < 3:
                stage_pending(pipeline.lake, pipeline.source, duck, "run")
        with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(LakeTable, "commit", die)
            stage_pending(pipeline.lake, pipeline.source, duck, "run")
        assert compact(pipeline.lake.open(tables.quarantine(pipeline.source)), duck, "upkeep") == 4
        stage_pending(pipeline.lake, pipeline.source, duck, "run")
    assert (pipeline.status().total.staged, pipeline.status().total.quarantined) == (4, 4)

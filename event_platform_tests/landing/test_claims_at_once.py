"""Machines that claim at once with no lock between them: a file is entered once, and ids grow from claim to claim."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest

from event_platform import environment, tables
from event_platform.engines.duckdb import connect
from event_platform.lake.catalog import Lake
from event_platform.lake.s3 import S3
from event_platform.landing import claiming, ledger, queue
from event_platform.stage.staging import stage_pending
from event_platform_tests.landing.conftest import meanwhile
from event_platform_tests.pipeline import Pipeline, line


@pytest.fixture
def pipeline(home: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:  # noqa: ARG001 - a lake in a home of its own
    """Its writers hold no locks."""
    monkeypatch.setattr(Lake, "writing", lambda *_: nullcontext())
    pipeline = Pipeline()
    pipeline.lake.open(tables.ledger(pipeline.source))
    return pipeline


def claim(pipeline: Pipeline) -> None:
    """What one machine does."""
    with connect(environment.read()) as duck:
        claiming.claim_pending(Lake(environment.read()), pipeline.source, duck, "run")


def land(pipeline: Pipeline, folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("".join(f"{each}\n" for each in lines))
    queue.land(environment.read(), pipeline.source, [folder / name])


def entered(pipeline: Pipeline) -> list[str]:
    with connect(environment.read()) as duck:
        return sorted(file.original_name for file in ledger.read(pipeline.lake, pipeline.source, duck))


def test_a_file_that_another_adopts_meanwhile_is_entered_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    land(pipeline, tmp_path, "a.json", line("a"))
    meanwhile(monkeypatch, ledger, "enter", lambda: claim(pipeline))
    claim(pipeline)
    assert entered(pipeline) == ["a.json"]


@pytest.mark.server
@pytest.mark.usefixtures("lake_url")
class TestInAStoreOfObjects:
    """There is no lock file either: the claim that is written down keeps them apart."""

    def test_a_file_that_another_adopts_meanwhile_is_entered_once(self, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        land(pipeline, tmp_path, "a.json", line("a"))
        meanwhile(monkeypatch, ledger, "enter", lambda: claim(pipeline))
        claim(pipeline)
        assert entered(pipeline) == ["a.json"]

    def claim_the_first_and_stage_it(self, pipeline: Pipeline) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(queue, "claim", partial(queue.claim, most_files=1))
            claim(pipeline)
        with connect(environment.read()) as duck:
            stage_pending(pipeline.lake, pipeline.source, duck, "run")

    def test_a_claim_that_another_overtakes_takes_ids_after_the_others(
        self, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Had it lower ids, stage would take what it quarantined of the other's file for the rest of a dead attempt."""
        land(pipeline, tmp_path, "a.json", line("a"), "{")
        land(pipeline, tmp_path, "b.json", line("b"))
        meanwhile(monkeypatch, S3, "create", lambda: self.claim_the_first_and_stage_it(pipeline))
        claim(pipeline)
        pipeline.run_well()
        arrivals = pipeline.lake.open(tables.ledger(pipeline.source)).changes_since(0)
        assert [arrival.first_file_id for arrival in arrivals] == sorted(arrival.first_file_id for arrival in arrivals)
        assert entered(pipeline) == ["a.json", "b.json"]
        assert (pipeline.status().total.staged, pipeline.status().total.quarantined, pipeline.status().balanced) == (2, 1, True)

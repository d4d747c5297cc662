"""What Dagster tells of runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from event_platform.monitoring import figures
from event_platform.step import SOURCE_TAG

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dagster as dg

    from event_platform.monitoring.figures import Sample
    from event_platform.sources.contract import Source

LOOKED_BACK = timedelta(days=1)


def samples(instance: dg.DagsterInstance, sources: Iterable[Source], now: datetime) -> Iterator[Sample]:
    """Runs by how they ended, and for each source how the last one did; a source without a run has no figure."""
    import dagster as dg
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    status = dg.DagsterRunStatus
    for outcome, each in (("succeeded", status.SUCCESS), ("failed", status.FAILURE), ("canceled", status.CANCELED)):
        yield figures.RUNS(instance.get_runs_count(dg.RunsFilter(statuses=[each], updated_after=now - LOOKED_BACK)), outcome)
    yield figures.RUNS_UNDER_WAY(instance.get_runs_count(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES))))
    for source in sources:
        ended = dg.RunsFilter(tags={SOURCE_TAG: source.name}, statuses=[status.SUCCESS, status.FAILURE])
        for record in instance.get_run_records(ended, limit=1):
            yield figures.LAST_RUN_FAILED(record.dagster_run.status == status.FAILURE, source.name)

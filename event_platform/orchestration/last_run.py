"""Whether the last run that a sensor asked for keeps it from asking for another."""

import time

import dagster as dg

from event_platform.dead_runs import fail_dead

RETRY_AFTER_SECONDS = 60.0
"""After a run that failed; what is at fault seldom goes away at once."""


def reason_to_wait(instance: dg.DagsterInstance, tags: dict[str, str], name: str) -> str | None:
    """A run with the tags is under way, or the last one failed a moment ago and would fail again."""
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

    fail_dead(instance)
    last = instance.get_run_records(dg.RunsFilter(tags=tags), limit=1)
    if not last:
        return None
    if last[0].dagster_run.status in NOT_FINISHED_STATUSES:
        return f"{name} is being worked on"
    failed = last[0].dagster_run.status == dg.DagsterRunStatus.FAILURE
    if failed and time.time() - (last[0].end_time or 0) < RETRY_AFTER_SECONDS:
        return f"the last run of {name} failed; the next try is {RETRY_AFTER_SECONDS:.0f} s after it"
    return None

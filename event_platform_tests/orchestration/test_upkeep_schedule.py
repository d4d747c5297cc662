"""What keeps the lake small runs each night by itself."""

from datetime import timedelta
from pathlib import Path

import pytest

from event_platform import tables
from event_platform.definitions import defs
from event_platform.instance import open_instance
from event_platform.orchestration import upkeep_schedule
from event_platform_tests.pipeline import Pipeline, line


def test_the_nightly_job_forgets_old_snapshots_and_deletes_their_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    payments = Pipeline()
    for name in "ab":
        payments.drop(f"{name}.json", [line(name)])
        payments.run_well()
    trusted = payments.lake.open(tables.trusted(payments.source))
    assert len(trusted.iceberg.snapshots()) > 1

    monkeypatch.setattr(upkeep_schedule, "KEEP_SNAPSHOTS_DAYS", -timedelta(seconds=1) / timedelta(days=1))
    schedule = defs.resolve_schedule_def("maintain")
    assert (schedule.cron_schedule, schedule.default_status.value) == ("30 2 * * *", "RUNNING")
    with open_instance() as instance:
        assert defs.resolve_job_def("maintain").execute_in_process(instance=instance).success

    trusted.refresh()
    assert len(trusted.iceberg.snapshots()) == 1
    assert payments.sql("SELECT event_id FROM trusted.payments ORDER BY 1") == [("a",), ("b",)]

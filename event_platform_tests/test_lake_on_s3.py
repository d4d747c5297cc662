"""The whole pipeline with its lake on S3: the same tables as on local disk, whatever is done to it."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

import infra
from event_platform import environment, sources, tables
from event_platform.cli import app
from event_platform.engines.duckdb import connect
from event_platform.lake.objects import object_store
from event_platform.lake.write import write
from event_platform.landing import queue
from event_platform.samples.weather import realtime
from event_platform_tests.kills import arm, in_child
from event_platform_tests.on_s3 import Asked
from event_platform_tests.pipeline import Pipeline, line
from event_platform_tests.test_crash import contents

pytestmark = pytest.mark.server

FILES = {
    "1.json": [line("a", "2026-03-01T10:00:00"), line("b", "2026-03-02T10:00:00"), line("c", "2026-03-03T10:00:00", event_type="closure")],
    "2.json": [line("a", "2026-03-04T10:00:00"), line("d", "2026-03-01T10:00:00"), "torn"],
    "3.json": [line("b", "2026-03-02T09:00:00"), line("e", "2026-03-02T23:59:59"), line("e", "2026-03-03T00:00:01"), "", "null"],
    "4.json": [line("a", "2026-03-01T10:00:00"), line("b", "2026-03-02T10:00:00"), line("c", "2026-03-03T10:00:00", event_type="closure")],
}


@pytest.fixture
def landed(tmp_path: Path) -> list[Path]:
    for name, lines in FILES.items():
        (tmp_path / name).write_text("".join(f"{each}\n" for each in lines))
    return [tmp_path / name for name in FILES]


def land(*paths: Path) -> None:
    for path in paths:
        queue.land(environment.read(), sources.get("payments"), [path])


def command(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def locally(landed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[object, ...]]]:
    """What the tables hold when the files are processed in two runs, on local disk."""
    with monkeypatch.context() as local:
        local.delenv("EVENT_PLATFORM_LAKE", raising=False)
        local.setenv("EVENT_PLATFORM_HOME", str(tmp_path / "local"))
        local.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
        for some in (landed[:1], landed[1:]):
            land(*some)
            Pipeline().run_well()
        return contents()


def test_the_tables_are_the_same_and_stay_so(lake_url: str, landed: list[Path], locally: dict[str, list[tuple[object, ...]]], home: Path) -> None:
    for some in (landed[:1], landed[1:]):
        land(*some)
        Pipeline().run_well()
    assert contents() == locally
    assert not any((home / "lake").glob("*/"))

    command("reprocess", "payments")
    assert contents() == locally
    command("backfill", "trusted.payments", "--from", "2026-03-01", "--to", "2026-03-04")
    assert contents() == locally

    with connect(environment.read()) as duck:
        stage = Pipeline().lake.open(tables.stage(sources.get("payments")))
        orphan = write(duck, stage, f"SELECT * FROM ({stage.select()})")  # an attempt that dies before its commit leaves such files
    store = object_store("s3://lake")
    assert store.find(orphan[0].file_path)
    command("maintain", "--snapshots-days", "0")
    assert store.find(orphan[0].file_path) is None
    assert contents() == locally
    assert {found.url for found in store.list(f"{lake_url}/stage/payments/data")} == {
        file.file_path for file in Pipeline().lake.open(tables.stage(sources.get("payments"))).files()
    }

    status = command("status", "payments", "--format", "csv").splitlines()
    assert status[1].startswith("payments,0,")
    assert "nothing pending" in command("run", "payments")
    assert f"{lake_url} can be listed" in " ".join(command("doctor").split())


@pytest.mark.usefixtures("lake_url")
def test_another_machine_sees_the_same_tables_through_the_same_catalogue(
    landed: list[Path],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    land(*landed)
    Pipeline().run_well()
    expected = contents()
    other = tmp_path / "other"
    (other / "lake").mkdir(parents=True)
    (other / "lake" / "catalog.db").write_bytes((home / "lake" / "catalog.db").read_bytes())
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(other))
    assert contents() == expected


@pytest.mark.usefixtures("lake_url")
def test_what_a_run_writes_it_need_not_fetch(landed: list[Path], asked: list[Asked]) -> None:
    land(*landed)
    asked.clear()
    Pipeline().run_well()
    written = {url for operation, url in asked if operation == "PutObject" and ("/metadata/" in url or "/data/" in url)}
    fetched = {url for operation, url in asked if operation == "GetObject"}
    assert len(written) > 20
    assert written & fetched == set()


@pytest.mark.usefixtures("lake_url")
def test_files_that_are_documents_land_too(tmp_path: Path) -> None:
    weather = Pipeline(sources.get("weather"))
    path = tmp_path / "weather-helsinki-20260301T120000Z.json"
    path.write_text(json.dumps(realtime("Helsinki", datetime(2026, 3, 1, 12, tzinfo=UTC)), indent=1))
    queue.land(environment.read(), weather.source, [path])
    weather.run_well()
    assert weather.sql("SELECT count(*) FROM trusted.weather") == [(1,)]


@pytest.mark.usefixtures("lake_url")
def test_a_table_can_be_read_though_the_cache_was_emptied_or_holds_nothing(
    landed: list[Path],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_CACHE_GIGABYTES", "0")
    land(*landed)
    Pipeline().run_well()
    expected = contents()
    for path in (home / "scratch" / "cache").iterdir():
        path.unlink()
    assert contents() == expected


def _run(kill: tuple[str, str, int, str] | None = None) -> None:
    if kill:
        arm(*kill)
    Pipeline().run_well()


UPLOADS = [("event_platform.lake.s3", "S3.upload", number, "after") for number in range(1, 9)]
METADATA = [("event_platform.lake.s3", "S3.create", number, "after") for number in range(2, 40, 4)]
COMMITS = [("event_platform.lake.table", "LakeTable.commit", number, moment) for number in range(1, 7) for moment in ("before", "after")]
IN_EVERY_RUN = (UPLOADS[2], METADATA[2], COMMITS[3])
KILLS = [pytest.param(each, marks=() if each in IN_EVERY_RUN else pytest.mark.long) for each in (*UPLOADS, *METADATA, *COMMITS)]


@pytest.mark.parametrize("kill", KILLS)
@pytest.mark.usefixtures("lake_url")
def test_a_run_after_a_kill_ends_as_if_nothing_had_happened(
    kill: tuple[str, str, int, str], landed: list[Path], locally: dict[str, list[tuple[object, ...]]]
) -> None:
    land(landed[0])
    assert in_child(_run) == 0
    land(*landed[1:])
    assert in_child(_run, kill) == -signal.SIGKILL
    assert in_child(_run) == 0
    assert contents() == locally


def test_what_runs_print_goes_to_s3(s3: infra.SeaweedFS, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from dagster_aws.s3.compute_log_manager import S3ComputeLogManager

    logs = S3ComputeLogManager(bucket=s3.bucket, prefix="compute-logs", local_dir=str(tmp_path))
    with capfd.disabled(), logs.capture_logs(["run", "compute_logs", "step"]):
        os.write(1, b"printed by a step\n")
    kept = [found.url for found in object_store(f"s3://{s3.bucket}").list(f"s3://{s3.bucket}/compute-logs") if found.size]
    assert kept == [f"s3://{s3.bucket}/compute-logs/storage/run/compute_logs/step.out"]

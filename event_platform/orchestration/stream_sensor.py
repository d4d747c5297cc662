"""A sensor that looks after the stream: tells when it has died and when it lives again, starts it anew if so set, and has its windows checked."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from event_platform import environment
from event_platform.aggregate.clickstream_live import WINDOWS
from event_platform.aggregate.clickstream_windows import TABLE as BATCH
from event_platform.environment import Environment
from event_platform.lake.catalog import Lake
from event_platform.orchestration.checks import ALIVE
from event_platform.realtime.windows import heartbeat
from event_platform.realtime.windows.heartbeat import Heartbeat
from event_platform.realtime.windows.report import KEY

LOOK_EVERY_SECONDS = 15
CHECK_EVERY_SECONDS = 300.0
"""A comparison reads the last dates whole."""
START_AGAIN_SECONDS = 120.0
"""A stream that was started again is given so long to say that it lives."""


@dataclass(frozen=True)
class Remembered:
    """What the sensor knows from its last look; times are seconds since 1970."""

    alive: bool | None = None
    checked: str = ""
    checked_at: float = 0.0
    started_at: float = 0.0


def check_job() -> UnresolvedAssetJobDefinition:
    """The checks of the stream's windows."""
    return dg.define_asset_job("check_clickstream_live", dg.AssetSelection.checks_for_assets(dg.AssetKey(KEY)))


def stream_sensor() -> dg.SensorDefinition:
    """On by default; where no stream was ever started there is nothing to look after."""

    @dg.sensor(
        name="clickstream_stream",
        job_name="check_clickstream_live",
        minimum_interval_seconds=LOOK_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells within a minute when the stream of the clickstream has died, and has its windows compared with the batch's.",
    )
    def look_after(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return look(environment.read(), context.cursor)

    return look_after


def look(here: Environment, cursor: str | None) -> dg.SensorResult:
    """One look."""
    beat, before = heartbeat.read(here), Remembered(**json.loads(cursor or "{}"))
    if beat is None:
        return dg.SensorResult(skip_reason="no stream was ever started")
    after, events = replace(before, alive=not beat.is_dead), []
    if after.alive != before.alive:
        events.append(_verdict(beat))
    if beat.is_dead and here.stream.restarts and time.time() - before.started_at > START_AGAIN_SECONDS:
        start_again(here)
        after = replace(after, started_at=time.time())
    requests = []
    if time.time() - before.checked_at > CHECK_EVERY_SECONDS and (held := _held(here)) != before.checked:
        requests.append(dg.RunRequest())
        after = replace(after, checked=held, checked_at=time.time())
    skipped = None if events or requests else beat.told
    return dg.SensorResult(run_requests=requests, skip_reason=skipped, cursor=json.dumps(asdict(after)), asset_events=events)


def _held(here: Environment) -> str:
    """What a comparison would compare: the snapshots of both tables."""
    lake = Lake(here)
    return " ".join(str(lake.open(table).sequence) for table in (WINDOWS, BATCH) if lake.exists(table))


def _verdict(beat: Heartbeat) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(KEY),
        check_name=ALIVE,
        passed=not beat.is_dead,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{beat.told} {beat.way_out}".strip(),
        metadata={"batch": beat.batch, "messages behind": beat.behind},
    )


def start_again(here: Environment) -> int:
    """Start the stream as a process of its own, which outlives this one; its id. What it says goes to a file beside the heartbeat."""
    log = heartbeat.path_of(here).with_name("restarted.log")
    with log.open("ab") as output:
        command = [sys.executable, "-m", "event_platform.cli", "stream", "clickstream"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True).pid  # noqa: S603 - our own

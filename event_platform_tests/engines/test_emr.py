"""Both halves of a job on EMR Serverless, with a stand-in for AWS that gives the job to a real `spark-submit`."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import pytest

from event_platform import sources
from event_platform.emr import emr_job
from event_platform.environment import CHECKOUT, Emr
from event_platform_tests.pipeline import Pipeline, line

pytestmark = [pytest.mark.java, pytest.mark.timeout(1800)]


@dataclass
class StandIn:
    """What the Pipes client asks of AWS: the job runs here, and is done when it has started."""

    asked: dict[str, Any] = field(default_factory=dict)

    def start_job_run(self, **asked: Any) -> dict[str, str]:
        import pyspark

        self.asked = asked
        submit = asked["jobDriver"]["sparkSubmit"]
        words = submit["sparkSubmitParameters"].split()
        told = dict(word.removeprefix("spark.emr-serverless.driverEnv.").split("=", 1) for word in words if word != "--conf")
        command = [str(Path(pyspark.__file__).parent / "bin" / "spark-submit"), "--master", "local[1]", urlsplit(submit["entryPoint"]).path]
        environment = os.environ | told | {"PYTHONPATH": str(CHECKOUT), "PYSPARK_PYTHON": sys.executable}
        environment.pop("EVENT_PLATFORM_SPARK_MASTER")
        self.ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return {"jobRunId": "1", "applicationId": asked["applicationId"]}

    def get_job_run(self, **_: str) -> dict[str, Any]:
        state = "FAILED" if self.ended.returncode else "SUCCESS"
        return {"jobRun": {"applicationId": "app", "jobRunId": "1", "state": state, "stateDetails": self.ended.stderr[-3_000:]}}

    def get_dashboard_for_job_run(self, **_: str) -> dict[str, str]:
        return {"url": "nowhere"}


def client_of(stand_in: StandIn, messages: Path) -> Any:
    """The client that dagster-aws has; messages come through a file, since there is no CloudWatch."""
    from dagster_aws.pipes import PipesEMRServerlessClient

    class Client(PipesEMRServerlessClient):
        def _read_messages(self, *_: object) -> None:
            pass

    return Client(client=stand_in, message_reader=dg.PipesFileMessageReader(str(messages)))  # type: ignore[arg-type]


def test_a_job_does_what_is_pending_and_reports_it(home: Path, tmp_path: Path) -> None:
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a", "2026-03-01T12:00:00"), line("b", "2026-03-02T12:00:00"), "torn"])
    emr = Emr("app", "arn:aws:iam::0:role/emr", f"local://{CHECKOUT}/event_platform/emr.py", {"EVENT_PLATFORM_HOME": str(home)})
    stand_in = StandIn()
    resources = {"emr": dg.ResourceDefinition.hardcoded_resource(client_of(stand_in, tmp_path / "messages"))}
    job = emr_job(sources.get("payments"), emr)
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.JobDefinition(name=job.name, graph_def=job.graph, resource_defs=resources).execute_in_process(instance=instance)
        written = {(event.asset_key.to_user_string(), event.partition) for event in done.get_asset_materialization_events()}
    assert stand_in.asked["executionRoleArn"] == "arn:aws:iam::0:role/emr"
    assert {("trusted/payments", "2026-03-01"), ("aggregate/payments_daily", "2026-03-02")} <= written
    assert pipeline.sql("SELECT count(*) FROM trusted.payments") == [(2,)]

"""EMR Serverless: what is pending of a source, done by a job on AWS that tells Dagster through Pipes what it wrote.

Two halves. `emr_job` starts the EMR job and waits for it; `main` is what the EMR job runs: the same asset graph, in EMR's driver, on the Spark
that EMR has set up. Lake and catalogue must lie where both reach them. This was tried with a stand-in for AWS, never on AWS.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from event_platform import environment, sources
from event_platform.environment import Emr
from event_platform.runs import process_pending
from event_platform.sources.contract import Source


def emr_job(source: Source, emr: Emr) -> dg.JobDefinition:
    """The Dagster job `emr_<source>`: the source's pending work, on EMR Serverless."""

    @dg.op(name=f"run_{source.name}_on_emr", required_resource_keys={"emr"})
    def run_on_emr(context: dg.OpExecutionContext) -> None:
        done = context.resources.emr.run(context=context, start_job_run_params=parameters(emr), extras={"source": source.name})
        for told in done.get_custom_messages():
            context.log_event(dg.AssetMaterialization(told["key"], partition=told["partition"], metadata=told["metadata"]))

    @dg.job(name=f"emr_{source.name}", description=f"{source.title}: what is pending, on EMR Serverless.", resource_defs={"emr": _client()})
    def on_emr() -> None:
        run_on_emr()

    return on_emr


def parameters(emr: Emr) -> dict[str, Any]:
    """What EMR Serverless is asked for; Pipes adds how the job reports."""
    settings = {"EVENT_PLATFORM_ENGINE": "spark", **emr.settings}
    told = " ".join(f"--conf spark.emr-serverless.driverEnv.{name}={value}" for name, value in settings.items())
    submit = {"entryPoint": emr.entry_point, "sparkSubmitParameters": told}
    return {"applicationId": emr.application, "executionRoleArn": emr.role_arn, "jobDriver": {"sparkSubmit": submit}}


def _client() -> dg.ResourceDefinition:
    @dg.resource
    def client(_: dg.InitResourceContext) -> Any:  # noqa: ANN401 - dagster-aws is loaded where it is used only
        from dagster_aws.pipes import PipesEMRServerlessClient

        return PipesEMRServerlessClient()  # messages come back through CloudWatch

    return client


def main() -> None:
    """Do what is pending for the source that Dagster named, and report each partition written. Raises Failure when a run or a check failed."""
    from dagster_pipes import open_dagster_pipes

    from event_platform.lake.catalog import Lake

    with open_dagster_pipes() as pipes, dg.DagsterInstance.ephemeral() as instance:
        source = sources.get(pipes.get_extra("source"))
        for outcome in process_pending(Lake(environment.read()), source, instance, pipes.log.info):
            for told in _written(instance, outcome.run_id):
                pipes.report_custom_message(told)
            if not outcome.ok:
                raise dg.Failure("; ".join(outcome.failures))


def _written(instance: dg.DagsterInstance, run_id: str) -> Iterator[dict[str, Any]]:
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        if event := entry.dagster_event:
            done = event.step_materialization_data.materialization
            plain = {name: value.value for name, value in done.metadata.items() if isinstance(value.value, int | str)}
            yield {"key": list(done.asset_key.path), "partition": done.partition, "metadata": plain}


if __name__ == "__main__":
    main()

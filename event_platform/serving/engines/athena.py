"""Amazon Athena, which finds the tables in AWS Glue; the lake's catalogue must be `glue`, and its tables on S3.

`EVENT_PLATFORM_ATHENA_WORKGROUP` and `EVENT_PLATFORM_ATHENA_OUTPUT` say with what settings, and where on S3 answers are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_result, wait_exponential

from event_platform.errors import TransientError, UsageError
from event_platform.lake.aws import client, explained

if TYPE_CHECKING:
    import pyarrow as pa

    from event_platform.environment import Environment

WHAT = "Athena"
LONGEST_PAUSE_SECONDS = 2.0
RUNNING = ("QUEUED", "RUNNING")


def arrow(environment: Environment, statement: str) -> pa.Table:
    """The answer of one statement in Athena's SQL; it may run as long as the workgroup allows. Raises as `engines.arrow` says."""
    athena = client("athena")
    options: dict[str, Any] = {"WorkGroup": environment.athena_workgroup} if environment.athena_workgroup else {}
    if environment.athena_output:
        options["ResultConfiguration"] = {"OutputLocation": environment.athena_output}
    with explained(WHAT):
        query = athena.start_query_execution(QueryString=statement, **options)["QueryExecutionId"]
        try:
            _wait(athena, query)
        except KeyboardInterrupt:
            athena.stop_query_execution(QueryExecutionId=query)  # it is billed by what it scans
            raise
        return _read(athena, query)


def _wait(athena: Any, query: str) -> None:  # noqa: ANN401 - boto3's clients have no types
    def status() -> dict[str, Any]:
        found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        return found

    until_done = Retrying(retry=retry_if_result(lambda found: found["State"] in RUNNING), wait=wait_exponential(0.1, max=LONGEST_PAUSE_SECONDS))
    ended = until_done(status)
    if ended["State"] != "SUCCEEDED":
        kind = TransientError if ended.get("AthenaError", {}).get("Retryable") else UsageError
        raise kind(f"{WHAT} says: {ended.get('StateChangeReason', ended['State'])}")


def _read(athena: Any, query: str) -> pa.Table:  # noqa: ANN401 - boto3's clients have no types
    """Athena gives text with the types beside it, and repeats the columns' names as the first row."""
    import pyarrow as pa

    pages = list(athena.get_paginator("get_query_results").paginate(QueryExecutionId=query))
    columns = pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    names = [column["Name"] for column in columns]
    rows = [[value.get("VarCharValue") for value in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
    values = zip(*(rows[1:] if rows[:1] == [names] else rows), strict=True)
    texts = [pa.array(column, pa.string()) for column in values] or [pa.array([], pa.string())] * len(names)
    return pa.table([_typed(text, column["Type"]) for text, column in zip(texts, columns, strict=True)], names=names)


def _typed(text: pa.Array, kind: str) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == "timestamp with time zone":
        return pc.replace_substring(text, " UTC", "Z").cast(pa.timestamp("us", "UTC"))
    types = {"bigint": pa.int64(), "integer": pa.int64(), "double": pa.float64(), "boolean": pa.bool_(), "date": pa.date32()}
    types["timestamp"] = pa.timestamp("us")
    return text.cast(types[kind]) if kind in types else text

"""The Redshift Data API: statements over HTTPS, without driver and open connection.

A statement is handed in, then asked after until it has ended. What was handed in goes on if this process dies, and commits or not as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from event_platform.errors import ConfigurationError, PermanentError, PlatformError, TransientError
from event_platform.lake import aws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from event_platform.environment import Redshift

MOST_STATEMENTS = 40
"""What the Data API takes as one batch (its model's `SqlList`)."""

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_SECONDS = 3600.0
"""How long a statement may take before it is cancelled."""

UNDER_WAY = {"SUBMITTED", "PICKED", "STARTED"}


class DataApi:
    """Statements in one database of a serverless workgroup or of a cluster."""

    def __init__(self, settings: Redshift) -> None:
        """Nothing is asked yet. Raises ConfigurationError when the settings name no Redshift, or two."""
        if bool(settings.workgroup) == bool(settings.cluster):
            raise ConfigurationError(
                "Which Redshift is meant? Set either EVENT_PLATFORM_REDSHIFT_WORKGROUP (serverless) or EVENT_PLATFORM_REDSHIFT_CLUSTER."
            )
        where = {"WorkgroupName": settings.workgroup, "ClusterIdentifier": settings.cluster, "SecretArn": settings.secret_arn}
        self.where = {name: value for name, value in where.items() if value} | {"Database": settings.database}
        self.name = f"Redshift {settings.workgroup or settings.cluster}/{settings.database}"
        self.client = aws.client("redshift-data")

    def execute(self, sql: str, **parameters: str) -> str:
        """Run one statement, in no transaction but its own, and give its id; `:name` in it stands for the parameter of that name. Raises as `run`."""
        named = {"Parameters": [{"name": name, "value": value} for name, value in parameters.items()]} if parameters else {}
        with aws.explained(self.name):
            statement = str(self.client.execute_statement(Sql=sql, **named, **self.where)["Id"])
            self._wait(statement)
            return statement

    def query(self, sql: str, **parameters: str) -> list[tuple[Any, ...]]:
        """The rows of a SELECT, as `execute` runs it."""
        statement = self.execute(sql, **parameters)
        with aws.explained(self.name):
            pages = self.client.get_paginator("get_statement_result").paginate(Id=statement)
            return [tuple(map(_value, record)) for page in pages for record in page["Records"]]

    def run(self, statements: Sequence[str]) -> None:
        """Run up to MOST_STATEMENTS statements as one transaction: all of them or none.

        Raises ConfigurationError, PermanentError (rights, SQL, data) and TransientError (busy, overtaken by another load).
        """
        with aws.explained(self.name):
            self._wait(self.client.batch_execute_statement(Sqls=list(statements), **self.where)["Id"])

    def _wait(self, statement: str) -> None:
        from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

        asking = Retrying(
            retry=retry_if_result(lambda found: found["Status"] in UNDER_WAY),
            wait=wait_exponential(FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS),
            stop=stop_after_delay(LONGEST_SECONDS),
        )
        try:
            found = asking(self.client.describe_statement, Id=statement)
        except RetryError:
            self.client.cancel_statement(Id=statement)
            raise TransientError(
                f"{self.name} did not end a statement within {LONGEST_SECONDS:g} seconds, so it was cancelled. Nothing is half done; run again later."
            ) from None
        if found["Status"] != "FINISHED":
            raise self._failure(found)

    def _failure(self, found: dict[str, Any]) -> PlatformError:
        said = " ".join(str(found.get("Error") or "no reason is given").split())[:500]
        if found["Status"] == "ABORTED":
            return TransientError(f"{self.name}: the statement was cancelled, by a time limit or a person. Nothing is half done; run again.")
        for signs, kind, why in _FAILURES:
            if any(sign in said.lower() for sign in signs):
                return kind(f"{self.name} {why} ({said}). Nothing is half done.")
        return PermanentError(f"{self.name} refused a statement ({said}). Nothing is half done.")


_FAILURES: tuple[tuple[tuple[str, ...], type[PlatformError], str], ...] = (
    (("by zero",), TransientError, "was loaded by another process at the same moment; run again"),
    (("serializable isolation", "deadlock", "conflict with concurrent"), TransientError, "gave another transaction precedence; run again"),
    (("disk full", "out of memory", "wlm", "timeout", "could not connect", "slowdown"), TransientError, "is short of room or time; run again later"),
    (("password", "authentication failed", "does not exist in the cluster"), ConfigurationError, "does not let us in"),
    (("not authorized", "access denied", "assume"), ConfigurationError, "may not read the staged files; give its role the right, or name another"),
    (("permission denied", "must be owner"), PermanentError, "does not give this user the right to do this"),
)


def _value(field: dict[str, Any]) -> object:
    """One field of a record: a union of `longValue`, `stringValue`, …, or `isNull`."""
    return None if field.get("isNull") else next(iter(field.values()))

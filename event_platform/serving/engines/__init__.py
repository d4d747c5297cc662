"""Other engines that answer `event-platform sql --engine …`, each in its own SQL: every module here has `arrow(environment, statement)`."""

from __future__ import annotations

import re
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, cast

from event_platform.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from event_platform.environment import Environment


class Engine(StrEnum):
    """What runs a statement."""

    duckdb = "duckdb"
    trino = "trino"
    spark = "spark"
    athena = "athena"


BEGINNINGS = ("SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC")
QUERY = re.compile(
    r"(\s|--[^\n]*\n|/\*.*?\*/|\()*"
    r"(EXPLAIN\s+(ANALYZE\s+(VERBOSE\s+)?|\([^)]*\)\s*)?[\s(]*)?"
    rf"({'|'.join(BEGINNINGS)})\b",
    re.IGNORECASE | re.DOTALL,
)
"""How a statement of Trino's grammar begins that only asks; EXPLAIN ANALYZE runs what it explains."""


def arrow(engine: Engine, environment: Environment, statement: str) -> pa.Table:
    """The answer of one statement. Raises UsageError with the engine's reason, ConfigurationError and TransientError when it cannot be asked."""
    statement = statement.strip().rstrip(";")
    if not statement:
        raise UsageError('There is no statement; write one, such as "SELECT count(*) FROM trusted.payments".')
    if engine in (Engine.trino, Engine.athena) and not QUERY.match(statement):
        raise UsageError(f"Tables are only read here, and this statement is no query. It may begin with {', '.join(BEGINNINGS)} or EXPLAIN.")
    return cast("pa.Table", import_module(f"{__name__}.{engine}").arrow(environment, statement))

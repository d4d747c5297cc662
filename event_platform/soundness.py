"""Is the SQL in a contract sound? Asked before a file is claimed, on no rows, so that a mistake costs nothing but the answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from event_platform.engines.spelling import identifier
from event_platform.errors import ConfigurationError
from event_platform.lake.schema import DUCKDB_TYPES
from event_platform.sources.contract import STAGE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb

    from event_platform.sources.contract import Column, Rule, Source

BESIDE = {"line": "VARCHAR", "file_name": "VARCHAR"}
"""What SQL may look at beside columns: the record as text, and the name under which its file arrived."""

FROM_PLACE = ("landing_date", "landing_file", "file_id", "line_number")
"""The columns of STAGE_COLUMNS that are known before any value is."""


def require_sound(source: Source, duck: duckdb.DuckDBPyConnection) -> None:
    """Raise ConfigurationError with the first rule or computed column that DuckDB cannot compute, and DuckDB's reason."""
    for fault in faults(source, duck):
        raise ConfigurationError(f"The contract of source {source.name!r} cannot be used: {fault}. Nothing of it was claimed; mend the contract.")


def faults(source: Source, duck: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """What cannot be computed, one sentence each, in the order of the contract."""
    known = list(source.read_columns)
    places = [column for column in STAGE_COLUMNS if column.name in FROM_PLACE]
    for column in source.computed_columns:
        if why := _why_not(f"CAST(({column.sql}) AS {DUCKDB_TYPES[column.type]})", (*known, *places), duck):
            yield f"`sql` of the column `{column.name}` cannot be computed ({why})"
        known.append(column)
    for rule in source.rules:
        if why := _why_no_condition(rule, (*known, *STAGE_COLUMNS), duck):
            yield f"the rule {rule.reason!r} cannot be asked ({why})"
    for subject in source.subjects:
        for value in subject.values:
            if why := _why_not(value, (*known, *STAGE_COLUMNS), duck):
                yield f"the subject `{subject.key}` cannot be looked for ({why})"


def _why_no_condition(rule: Rule, columns: Sequence[Column], duck: duckdb.DuckDBPyConnection) -> str | None:
    """The same of a condition; a text would be cast to true or false for each record, and fail."""
    if why := _why_not(f"({rule.broken_if})", columns, duck):
        return why
    ((_, kind, *_),) = duck.description[-1:]
    return _why_not(rule.is_broken, columns, duck) if kind == "BOOLEAN" else f"it is {kind}, not true or false"


def _why_not(expression: str, columns: Iterable[Column], duck: duckdb.DuckDBPyConnection) -> str | None:
    """DuckDB's reason, in one line without its drawing of where; None if the expression can be computed for each record."""
    import duckdb as engine

    types = {**BESIDE, **{column.name: DUCKDB_TYPES[column.type] for column in columns}}
    nothing = ", ".join(f"NULL::{kind} AS {identifier(name)}" for name, kind in types.items())
    try:
        duck.execute(f"SELECT *, {expression} FROM (SELECT {nothing}) WHERE false")
    except engine.Error as error:
        return " ".join(re.split(r"\n\s*(?:LINE \d|Candidate functions)", str(error))[0].split()).rstrip(".")
    return None

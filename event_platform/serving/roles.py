"""Who may see what, from the contracts' `personal` marks: `reader`, `analyst` and `privacy`.

Here it is a help for those who look, not a wall: who can read the lake's files can read everything in them. A wall is an engine between people and
files, such as Trino with `trino_rules`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from event_platform.errors import UsageError

if TYPE_CHECKING:
    import duckdb

RAW = ("landing", "stage", "quarantine")
REFINED = ("trusted", "aggregate")

ANALYSTS, PRIVACY = "analyst(-.*)?", "privacy(-.*)?|event-platform"
"""Names of Trino's users, as regular expressions, who have these roles; the last is the name that `event-platform sql --engine trino` gives."""

FUNCTIONS = {"range", "generate_series", "unnest", "repeat", "repeat_row"}
"""Functions in the place of a table that read nothing."""

WORD = re.compile(r"(?!duckdb_|pg_|sqlite_|pragma_)[a-z_][a-z0-9_]*", re.IGNORECASE)
"""Names that a query may give to its own parts: DuckDB takes others for files, or for its own tables."""


class Role(StrEnum):
    """What somebody may see: a reader trusted and aggregates, an analyst all layers, both with personal values masked; privacy all in clear."""

    reader = "reader"
    analyst = "analyst"
    privacy = "privacy"

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose tables it may query."""
        return REFINED if self is Role.reader else (*RAW, *REFINED)

    @property
    def is_masked(self) -> bool:
        """Whether it sees a mask in the place of personal values."""
        return self is not Role.privacy


def require_access(role: Role, statements: Sequence[str], duck: duckdb.DuckDBPyConnection) -> None:
    """Raise UsageError when a statement reads anything but tables that the role may query, or cannot be looked through."""
    for statement in statements:
        ((text,),) = duck.execute("SELECT json_serialize_sql($1)", [statement]).fetchall()
        tree = json.loads(text)
        if tree.get("error"):
            raise UsageError(f"As {role}, only SELECT, FROM, WITH, VALUES, DESCRIBE and SUMMARIZE are run; this statement cannot be looked through.")
        own = {name.lower() for name in _own_names(tree)}
        for kind, schema, name in _sources(tree):
            if kind == "TABLE_FUNCTION" and name not in FUNCTIONS:
                raise UsageError(f"The role {role} may not use {name}(…): it could read what tables hide.")
            if kind == "BASE_TABLE" and schema not in role.layers and not (not schema and name.lower() in own and WORD.fullmatch(name)):
                shown = f"{schema}.{name}" if schema else name
                raise UsageError(f"The role {role} may not see {shown}. It may query tables of {', '.join(role.layers)}.")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    if isinstance(tree, dict):
        yield tree
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(inner)


def _own_names(tree: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Names that a statement gives to its own parts (WITH)."""
    for node in _nodes(tree):
        yield from (each["key"] for each in node.get("cte_map", {}).get("map", []))


def _sources(tree: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - JSON
    """Kind, schema and name of everything that a statement reads from."""
    for node in _nodes(tree):
        if node.get("type") == "BASE_TABLE":
            yield "BASE_TABLE", str(node.get("schema_name") or "").lower(), str(node["table_name"])
        elif node.get("type") == "TABLE_FUNCTION":
            yield "TABLE_FUNCTION", "", str(node["function"].get("function_name"))

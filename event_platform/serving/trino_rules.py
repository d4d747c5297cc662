"""The same roles as the rules of Trino's file-based access control, for users whose names match regular expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from event_platform.lake.schema import MASK
from event_platform.serving.engines.trino import CATALOG
from event_platform.serving.roles import Role
from event_platform.serving.sql import declared_tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from event_platform.lake.schema import Table
    from event_platform.sources.contract import Column

TYPES = {"long": "bigint", "double": "double", "boolean": "boolean", "date": "date", "timestamp": "timestamp(6) with time zone"}
"""Trino's names of the types that a mask of text does not fit; their mask is NULL."""


def rules(members: Mapping[Role, str]) -> dict[str, Any]:
    """The content of `rules.json`. The first rule that matches counts, and what no rule names nobody may do; who has no other role is a reader."""
    tables = sorted(declared_tables(), key=lambda table: table.name)
    return {
        "catalogs": [{"catalog": f"{CATALOG}|system", "allow": "read-only"}],
        "schemas": [{"owner": False}],
        "tables": [
            {"catalog": "system", "schema": "jdbc|metadata", "privileges": ["SELECT"]},
            *(rule for role in (Role.privacy, Role.analyst) for rule in _rules_of(role, members[role], tables)),
            *_rules_of(Role.reader, ".*", tables),
        ],
    }


def _rules_of(role: Role, users: str, tables: list[Table]) -> list[dict[str, Any]]:
    whose = {} if users == ".*" else {"user": users}
    if not role.is_masked:
        return [{**whose, "catalog": CATALOG, "schema": "|".join(role.layers), "privileges": ["SELECT"]}]
    return [{**whose, **_rule(table)} for table in tables if table.layer in role.layers] + ([{**whose, "privileges": []}] if whose else [])


def _rule(table: Table) -> dict[str, Any]:
    masks = [{"name": column.name, "mask": _mask(column)} for column in table.columns if column.personal]
    named = {"catalog": CATALOG, "schema": table.layer, "table": table.short_name, "privileges": ["SELECT"]}
    return named | ({"columns": masks} if masks else {})


def _mask(column: Column) -> str:
    return f"CAST(NULL AS {TYPES[column.type]})" if column.type in TYPES else f"'{MASK}'"

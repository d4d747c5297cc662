"""The SQL that Redshift is given, made from a table's declaration alone.

Kept to what Redshift shares with PostgreSQL where it can be, so that a real PostgreSQL proves it; only COPY, the keys by which rows are
spread and sorted, and the external schemas are Redshift's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_platform.engines.spelling import identifier, literal, literals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from event_platform.lake.schema import Table

LONGEST_BYTES = 65_535
"""What Redshift's widest VARCHAR holds, in bytes of UTF-8."""

TYPES = {
    "string": f"VARCHAR({LONGEST_BYTES})",
    "json": f"VARCHAR({LONGEST_BYTES})",
    "long": "BIGINT",
    "double": "DOUBLE PRECISION",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
"""Redshift's names of the contract's types. Times are UTC without saying so; JSON text is kept as it came."""

LOADS = "event_platform.loads"
ARRIVING = identifier("event_platform_arriving")


@dataclass(frozen=True)
class Relation:
    """A native table in Redshift under the name that the table has in the lake; `event_id` identifies a row where rows are events."""

    declared: Table
    event_id: str | None = None

    @property
    def sql(self) -> str:
        """As it stands in statements."""
        return f"{identifier(self.declared.layer)}.{identifier(self.declared.short_name)}"

    @property
    def columns(self) -> str:
        """The columns as they stand in statements, in the order declared."""
        return ", ".join(map(identifier, self.declared.column_names))

    @property
    def typed_columns(self) -> str:
        """The same with their types."""
        return ", ".join(f"{identifier(column.name)} {TYPES[column.type]}" for column in self.declared.columns)

    @property
    def spread(self) -> str:
        """How rows are spread over the slices.

        Events by their id: ids are many and even, and a newer version meets the older one on its own slice. Aggregates as Redshift thinks best:
        small ones are copied to every node, and no single column is what all queries join by.
        """
        return f"DISTSTYLE KEY DISTKEY ({identifier(self.event_id)})" if self.event_id else "DISTSTYLE AUTO"

    @property
    def sorted(self) -> str:
        """Rows lie by event date: queries ask for ranges of it, and a load exchanges whole dates, so both skip most blocks."""
        return f"SORTKEY ({identifier('event_date')})"


def remember_loads() -> list[str]:
    """The small table that says which Iceberg snapshot each table holds; 0 for none yet."""
    columns = "relation VARCHAR(256) NOT NULL, snapshot_id BIGINT NOT NULL, loaded_at TIMESTAMP"
    return ["CREATE SCHEMA IF NOT EXISTS event_platform", f"CREATE TABLE IF NOT EXISTS {LOADS} ({columns})"]


def create(relation: Relation) -> list[str]:
    """Make the table, in one transaction with the row that says it is ours and holds nothing yet, so that the next load exchanges all of it."""
    name = literal(relation.declared.name)
    return [
        f"LOCK TABLE {LOADS}",
        f"CREATE SCHEMA IF NOT EXISTS {identifier(relation.declared.layer)}",
        f"CREATE TABLE IF NOT EXISTS {relation.sql} ({relation.typed_columns}) {relation.spread} {relation.sorted}",
        f"DELETE FROM {LOADS} WHERE relation = {name}",
        f"INSERT INTO {LOADS} (relation, snapshot_id) VALUES ({name}, 0)",
    ]


def comments(relation: Relation) -> list[str]:
    """What the table and its columns mean."""
    of_columns = (f"COMMENT ON COLUMN {relation.sql}.{identifier(column.name)} IS {literal(column.meaning)}" for column in relation.declared.columns)
    return [f"COMMENT ON TABLE {relation.sql} IS {literal(relation.declared.description)}", *of_columns]


def add_columns(relation: Relation, names: Iterable[str]) -> list[str]:
    """Columns that the declaration has gained; Redshift adds one a statement."""
    types = {column.name: TYPES[column.type] for column in relation.declared.columns}
    return [f"ALTER TABLE {relation.sql} ADD COLUMN {identifier(name)} {types[name]}" for name in names]


@dataclass(frozen=True)
class Step:
    """From one snapshot to another: the manifest of the files that bring rows (None: none does), and the event dates whose rows go first.

    `stale` is None when all rows go.
    """

    before: int
    after: int
    manifest: str | None
    stale: frozenset[date] | None


def take(relation: Relation, step: Step, role: str | None, now: datetime) -> list[str]:
    """The statements of one transaction that brings the table from a snapshot to the next.

    LOCK makes loads of all tables wait for each other; then the division fails if the table is no longer where the step begins, since
    another load was faster. COPY matches columns by position, so it fills a temporary table that has them as the files do. TRUNCATE is not
    used, for it commits.
    """
    held = f"relation = {literal(relation.declared.name)} AND snapshot_id = {step.before}"
    return [
        f"LOCK TABLE {LOADS}",
        f"SELECT 1 / count(*) FROM {LOADS} WHERE {held}",
        *(_copy(relation, step.manifest, role) if step.manifest else []),
        *_delete(relation, step),
        *([f"INSERT INTO {relation.sql} ({relation.columns}) SELECT {relation.columns} FROM {ARRIVING}"] if step.manifest else []),
        f"UPDATE {LOADS} SET snapshot_id = {step.after}, loaded_at = '{now:%Y-%m-%d %H:%M:%S}' WHERE {held}",
    ]


def _copy(relation: Relation, manifest: str, role: str | None) -> list[str]:
    spread = relation.spread if relation.event_id else "DISTSTYLE EVEN"
    return [
        f"CREATE TEMPORARY TABLE {ARRIVING} ({relation.typed_columns}) {spread}",
        f"COPY {ARRIVING} FROM {literal(manifest)} IAM_ROLE {_role(role)} FORMAT PARQUET MANIFEST",
    ]


def _delete(relation: Relation, step: Step) -> list[str]:
    """Rows of stale dates go whole; elsewhere an older version of an arriving event does, so an event id is there once whatever happens."""
    if step.stale is None:
        return [f"DELETE FROM {relation.sql}"]
    dates = literals(day.isoformat() for day in sorted(step.stale))
    of_dates = [f"DELETE FROM {relation.sql} WHERE {identifier('event_date')} IN ({dates})"] if dates else []
    if step.manifest is None or relation.event_id is None:
        return of_dates
    key = identifier(relation.event_id)
    return [*of_dates, f"DELETE FROM {relation.sql} WHERE {key} IN (SELECT {key} FROM {ARRIVING})"]


def external_schema(layer: str, role: str | None) -> str:
    """A schema `lake_<layer>` over the Glue database of that layer: its Iceberg tables are read where they lie, nothing is loaded."""
    return f"CREATE EXTERNAL SCHEMA IF NOT EXISTS {identifier(f'lake_{layer}')} FROM DATA CATALOG DATABASE {literal(layer)} IAM_ROLE {_role(role)}"


def _role(role: str | None) -> str:
    """The role's ARN, or the one that the cluster or namespace has as its default."""
    return literal(role) if role else "default"

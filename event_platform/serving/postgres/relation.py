"""A table in the target: its name, and its columns as the lake's declaration has them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from event_platform.engines.spelling import identifier
from event_platform.errors import PermanentError, UsageError

if TYPE_CHECKING:
    from event_platform.lake.schema import Table
    from event_platform.serving.postgres.target import Connection

TYPES = {
    "string": "text",
    "json": "json",
    "long": "bigint",
    "double": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp with time zone",
}
"""PostgreSQL's names of the contract's types, as `format_type` gives them. `json` keeps the text as it came, which `jsonb` does not."""

LONGEST_NAME_BYTES = 63
SIDE = "__loading"


@dataclass(frozen=True)
class Relation:
    """A table of the target database: where it is, and the table of the lake that it holds."""

    schema: str
    table: str
    declared: Table

    @classmethod
    def named(cls, name: str, declared: Table) -> Relation:
        """The relation of a name such as `trusted.census`; a name without a schema lies in `public`. UsageError when PostgreSQL cannot take it."""
        schema, dot, table = name.rpartition(".")
        for each in (schema or "public", table + SIDE, *declared.column_names):
            if not each or len(each.encode()) > LONGEST_NAME_BYTES or "\0" in each:
                raise UsageError(
                    f"{each!r} cannot be a name in PostgreSQL: it takes 1 to {LONGEST_NAME_BYTES} bytes. Choose another with --as SCHEMA.TABLE."
                )
        return cls(schema if dot else "public", table, declared)

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.schema}.{self.table}"

    @property
    def sql(self) -> str:
        """As it stands in statements."""
        return f"{identifier(self.schema)}.{identifier(self.table)}"

    @property
    def columns(self) -> str:
        """The columns as they stand in statements, in the order declared."""
        return ", ".join(map(identifier, self.declared.column_names))

    @property
    def side(self) -> Relation:
        """Where a new content is gathered before it takes the place of this one."""
        return replace(self, table=self.table + SIDE)

    def create(self, connection: Connection) -> None:
        """Make the table, with what it and its columns mean as comments."""
        columns = ", ".join(f"{identifier(column.name)} {TYPES[column.type]}" for column in self.declared.columns)
        comments = (self._comment(column.name, column.meaning) for column in self.declared.columns)
        connection.execute(
            f"CREATE TABLE {self.sql} ({columns}); COMMENT ON TABLE {self.sql} IS {literal(self.declared.description)}; {' '.join(comments)}"
        )

    def add_missing_columns(self, connection: Connection) -> None:
        """Give the table the columns that the declaration has gained since it was made."""
        found = self.found_columns(connection) or {}
        for column in self.declared.columns:
            if column.name not in found:
                added = f"ALTER TABLE {self.sql} ADD COLUMN {identifier(column.name)} {TYPES[column.type]}"
                connection.execute(f"{added}; {self._comment(column.name, column.meaning)}")

    def _comment(self, column: str, meaning: str) -> str:
        return f"COMMENT ON COLUMN {self.sql}.{identifier(column)} IS {literal(meaning)};"

    def found_columns(self, connection: Connection) -> dict[str, str] | None:
        """Names and types of the columns that the table in the target has; None when there is no such table."""
        (oid,) = connection.execute("SELECT to_regclass(%s)::oid", [self.sql]).fetchone() or (None,)
        if oid is None:
            return None
        select = "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped"
        return dict(connection.execute(f"{select} ORDER BY attnum", [oid]).fetchall())

    def has_declared_columns(self, connection: Connection) -> bool:
        """Whether the table is there with the declared columns, in whatever order."""
        return self.found_columns(connection) == {column.name: TYPES[column.type] for column in self.declared.columns}

    def differs(self, connection: Connection) -> PermanentError:
        """The error that says which columns of the table in the target are not as declared."""
        declared = {column.name: TYPES[column.type] for column in self.declared.columns}
        found = self.found_columns(connection) or {}
        wrong = [f"{name} is {found.get(name, 'missing')} instead of {kind}" for name, kind in declared.items() if found.get(name) != kind]
        wrong += [f"{name} is not of {self.declared.name}" for name in found if name not in declared]
        return PermanentError(
            f"{self.name} has other columns than {self.declared.name} ({'; '.join(wrong[:5])}). It was left as it is. "
            "Drop it to have it loaded anew, or load elsewhere: --as SCHEMA.TABLE."
        )


def literal(text: str) -> str:
    """A text as it stands in statements, whatever the server's settings."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"

"""Declarations of tables, and what they are in Iceberg's and DuckDB's words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.types import IcebergType

    from event_platform.sources.contract import Column, ColumnType

DUCKDB_TYPES = {
    "string": "VARCHAR",
    "json": "VARCHAR",
    "long": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
}


MASK = "•••"
"""What people are shown in place of a personal value."""


@dataclass(frozen=True)
class Unique:
    """No two rows have the same values in these columns together; NULL is a value like any other."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class References:
    """Each value of a column that is not NULL is found in a column of another table, on the same event date if `same_date`."""

    column: str
    table: Table
    other_column: str
    same_date: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the lake: `<layer>.<short name>`, what a row is, its columns, the columns it is stored under.

    `tests` say what holds beyond the columns' own `nullable` and `accepted`; `data_tests` asks whether it does. `looked_up_by` are columns of text
    by whose values single rows are asked for: Iceberg's metadata says between which texts those of a file lie, so that readers pass over files.
    """

    layer: str
    short_name: str
    description: str
    columns: tuple[Column, ...]
    stored_by: tuple[str, ...] = ()
    tests: tuple[Unique | References, ...] = ()
    looked_up_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name in SQL and in the catalogue."""
        return f"{self.layer}.{self.short_name}"

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The names in the order declared."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def select_list(self) -> str:
        """The columns as DuckDB wants them in a SELECT, quoted, in the order declared."""
        return ", ".join(f'"{name}"' for name in self.column_names)

    @cached_property
    def typed_select_list(self) -> str:
        """The same, each cast to the declared type: a column that happens to be all NULL would be written without one."""
        return ", ".join(f'CAST("{column.name}" AS {DUCKDB_TYPES[column.type]}) AS "{column.name}"' for column in self.columns)

    @cached_property
    def empty_select(self) -> str:
        """A SELECT that gives the table's columns and no row."""
        nothing = ", ".join(f'NULL::{DUCKDB_TYPES[column.type]} AS "{column.name}"' for column in self.columns)
        return f"SELECT * FROM (SELECT {nothing} WHERE false)"

    def masked(self, select: str) -> str:
        """A SELECT of the table with the mask in place of personal values."""
        masks = ", ".join(f"'{MASK}' AS \"{column.name}\"" for column in self.columns if column.personal)
        return f"SELECT * REPLACE ({masks}) FROM ({select})" if masks else select


def iceberg_schema(table: Table) -> Schema:
    """The table's columns with ids from 1; all optional, since DuckDB writes every Parquet column as optional."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField

    types = _iceberg_types()
    fields = (
        NestedField(number, column.name, types[column.type], required=False, doc=column.meaning)
        for number, column in enumerate(table.columns, start=1)
    )
    return Schema(*fields)


def as_stored(table: Table, schema: Schema) -> Table | None:
    """The declaration with the columns that the table has beside it: given up, or of a newer version. None if one has a type that no contract has."""
    types = {stored: declared for declared, stored in reversed(_iceberg_types().items())}  # a text is a string before it is JSON
    beside = {field.name: types.get(field.field_type) for field in schema.fields if field.name not in table.column_names}
    columns = [replace(table.columns[0], name=name, type=kind) for name, kind in beside.items() if kind]
    return replace(table, columns=(*table.columns, *columns)) if len(columns) == len(beside) else None


def _iceberg_types() -> dict[ColumnType, IcebergType]:
    """What Iceberg calls the types of a contract."""
    from pyiceberg.types import BooleanType, DateType, DoubleType, LongType, StringType, TimestamptzType

    return {
        "string": StringType(),
        "json": StringType(),
        "long": LongType(),
        "double": DoubleType(),
        "boolean": BooleanType(),
        "date": DateType(),
        "timestamp": TimestamptzType(),
    }


def changed_types(table: Table, schema: Schema) -> list[str]:
    """Which of the table's columns have another type in the schema than declared, as sentences."""
    declared, found = ({field.name: str(field.field_type) for field in each.fields} for each in (iceberg_schema(table), schema))
    wrong = {name: kind for name, kind in declared.items() if found.get(name, kind) != kind}
    return [f"`{name}` is {found[name]} in the catalogue and {kind} in the declaration" for name, kind in wrong.items()]


def iceberg_spec(table: Table, schema: Schema) -> PartitionSpec:
    """Identity partitions on the columns the table is stored by."""
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    fields = (
        PartitionField(schema.find_field(name).field_id, 1000 + number, IdentityTransform(), name) for number, name in enumerate(table.stored_by)
    )
    return PartitionSpec(*fields)

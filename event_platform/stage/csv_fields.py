"""The fields of a line of CSV, as SQL: `line` becomes `_cells`, a list of texts; every value is written as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform.engines.spelling import literal, literals
from event_platform.records import cells
from event_platform.records.lines import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from event_platform.sources.contract import Column, Source
    from event_platform.sources.formats import Csv


class CsvFields:
    """What `judge` asks of a format, for CSV."""

    def __init__(self, source: Source, form: Csv) -> None:
        """Columns that are computed have no field."""
        self.form = form
        self.names = tuple(column.field or column.name for column in source.read_columns)
        self.required = tuple(column for column in source.read_columns if not column.nullable)
        self.without_record = cells.without_record(form)

    def selects(self) -> list[str]:
        """CTEs from `lines` to `fields`."""
        names = "_header" if self.form.header else f"[{literals(self.names)}]"
        return [
            f"fields AS (SELECT *, {cells.cells(self.form)} AS _cells, {names} AS _names FROM lines)",
        ]

    def is_text(self, column: Column) -> bool:  # noqa: ARG002 - of any column
        """A cell is a text."""
        return True

    def field(self, column: Column) -> str:
        """The same as its text."""
        return self.text(column)

    def text(self, column: Column) -> str:
        """The column's cell; NULL when it is not there or says that nothing is."""
        name = column.field or column.name
        place = f"list_position(_names, {literal(name)})" if self.form.header else str(self.names.index(name) + 1)
        cell = f"_cells[{place}]"
        return f"CASE WHEN {cell} NOT IN ({literals(self.form.null or ('',))}) THEN {cell} END"

    def extra(self) -> str:
        """Fields of the header without a column, as one JSON object; NULL when there are none."""
        if not self.form.header:
            return "NULL"
        others = f"list_filter(list_zip(_names, _cells), lambda pair: pair[1] NOT IN ({literals(self.names)}))"
        return f"CASE WHEN len({others}) > 0 THEN to_json(map_from_entries({others}))::VARCHAR END"

    def _broken_header(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the names in a file's header: no reason quotes those that the contract does not know."""
        if not self.form.header:
            return
        yield f"NOT list_has_any(_names, [{literals(self.names)}])", "'the header names none of the fields that the contract reads; is it missing?'"
        for name in self.names:
            yield f"list_contains(_names, {literal(cells.repeated(name))})", literal(f"the header names `{name}` twice")
        for column in self.required:
            name = column.field or column.name
            yield f"NOT list_contains(_names, {literal(name)})", literal(f"the header does not name `{name}`")

    def broken_lines(self) -> Iterator[tuple[str, str]]:
        """Conditions under which a line holds no sound record, and the reason for each, both as SQL."""
        for condition, reason in DAMAGE:
            yield f"_careful AND {condition}", literal(reason)
        unclosed = "an unclosed quote; a record with a line break inside is not supported"
        yield cells.has_unclosed_quote(self.form), literal(unclosed)
        yield f"NOT {cells.quotes_are_closed(self.form)}", "'a quoted field does not end where its quotes do'"
        yield from self._broken_header()
        yield "len(_cells) <> len(_names)", "'has ' || len(_cells) || if(len(_cells) = 1, ' field', ' fields') || ', not ' || len(_names)"

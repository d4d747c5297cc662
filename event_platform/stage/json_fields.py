"""The fields of a line of JSON, as SQL: `line` becomes `_object`, `_field` (nested as the contract's paths are) and `_keys`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from event_platform.engines.spelling import identifier, literal
from event_platform.records.lines import BLANK, DAMAGE, NO_EVENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from event_platform.sources.contract import Column, Source

MAX_DEPTH = 1_000
"""A line nested deeper goes to quarantine: DuckDB reads it, but much that reads the tables would not."""


class JsonFields:
    """What `judge` asks of a format, for JSON: each line is parsed for its fields and for its keys, and for nothing else."""

    without_record = BLANK

    def __init__(self, source: Source) -> None:
        """Columns that are computed have no field."""
        self.columns = source.read_columns
        self.names = tuple(dict.fromkeys(column.path[0] for column in self.columns))
        self.nodes = sorted({column.path[:depth] for column in self.columns for depth in range(1, len(column.path))}, key=len, reverse=True)

    def selects(self) -> list[str]:
        """CTEs from `lines` to `fields`; a line that is not JSON has no `_field`."""
        structure = literal(_as_json(_tree(self.columns, '"JSON"')))
        return [
            "read AS (SELECT *, CASE WHEN json_valid(line) THEN line END AS _object FROM lines)",
            f"parsed AS (SELECT *, json_transform(_object, {structure}) AS _field, json_keys(_object) AS _keys FROM read)",
            f"fields AS (SELECT *, {self._is_plain()} AS _plain FROM parsed)",
        ]

    def is_text(self, column: Column) -> bool:
        """Whether the contract says so."""
        return column.written == "text"

    def field(self, column: Column) -> str:
        """The column's field as JSON text; NULL when it is not there or null."""
        return ".".join(["_field", *map(identifier, column.path)])

    def text(self, column: Column) -> str:
        """The field's value: a JSON string decoded, any other type as JSON text. A typed string's that holds no string: NULL."""
        field = self.field(column)
        decoded = f"CASE WHEN contains({field}, '\\') THEN {field} ->> '$' ELSE substr({field}, 2, length({field}) - 2) END"
        if self.is_text(column):
            value = f"CASE WHEN starts_with({field}, '\"') THEN {decoded} ELSE {field}::VARCHAR END"
            return value if column.type == "string" else f"nullif(trim({value}), '')"
        if column.type in ("long", "double", "boolean", "json") or column.written != "typed":
            return f"{field}::VARCHAR"
        return f"CASE WHEN starts_with({field}, '\"') THEN {decoded} END"

    def extra(self) -> str:
        """Fields without a column, as one JSON object; NULL when there are none."""
        without = literal(_as_json(_tree(self.columns, "null")))
        rest = f"json_merge_patch(_object::JSON, {without})::VARCHAR"
        if self.nodes:
            return self._without_hollow(rest)
        return f"CASE WHEN _plain OR len({self._keys_that(f'NOT IN ({self._listed()})')}) = 0 THEN NULL ELSE {rest} END"

    def broken_lines(self) -> Iterator[tuple[str, str]]:
        """Conditions under which a line holds no sound object, and the reason for each, both as SQL."""
        yield "_field IS NULL", _NOT_JSON
        yield "len(_keys) = 0 AND json_type(_object) <> 'OBJECT'", "'JSON, but not an object'"
        yield f"strlen(line) > {2 * MAX_DEPTH} AND {_TOO_DEEP}", literal(f"nested deeper than {MAX_DEPTH:,} levels")
        named = self._keys_that(f"IN ({self._listed()})")
        yield f"NOT _plain AND len({named}) > len(list_distinct({named}))", "'a field is given twice'"
        yield f"({self._may_hold_nan()}) AND {_HOLDS_NAN}", "'not JSON: NaN or Infinity is no JSON number'"
        for node in self.nodes:
            kind = f"json_type(_object, {literal(_pointer(node))})"
            yield f"{kind} NOT IN ('OBJECT', 'NULL')", literal(f"`{'.'.join(node)}` is not an object")

    def _may_hold_nan(self) -> str:
        """Whether NaN or Infinity, however spelled, may stand where any type is taken; a typed field refuses it anyway, and a search is dear."""
        in_line = _mentions_nan("line")
        if self.nodes:
            return in_line
        untyped = [self.field(column) for column in self.columns if column.type == "json" or self.is_text(column)]
        return f"CASE WHEN _plain THEN {' OR '.join(map(_mentions_nan, untyped)) or 'false'} ELSE {in_line} END"

    def _without_hollow(self, text: str) -> str:
        """The JSON object without objects on the contract's paths that hold nothing any more; NULL when nothing is left."""
        for node in self.nodes:
            emptied = literal(_as_json(_nested(node, "null")))
            is_hollow = f"json_extract_string({text}, {literal(_pointer(node))}) = '{{}}'"
            text = f"CASE WHEN {is_hollow} THEN json_merge_patch({text}, {emptied})::VARCHAR ELSE {text} END"
        return f"nullif({text}, '{{}}')"

    def _is_plain(self) -> str:
        """Whether a line has the contract's fields only, each once: then it has as many keys as fields were found, which is cheap to see."""
        found = " + ".join(f"(_field.{identifier(name)} IS NOT NULL)::INTEGER" for name in self.names) or "0"
        return f"len(_keys) = {found}"

    def _listed(self) -> str:
        return ", ".join(map(literal, self.names))

    @staticmethod
    def _keys_that(condition: str) -> str:
        return f"list_filter(_keys, lambda key: key {condition})"


def _mentions_nan(text: str) -> str:
    return f"contains(lower({text}), 'nan') OR contains(lower({text}), 'inf')"


def _tree(columns: Sequence[Column], leaf: str) -> dict[str, Any]:
    """The contract's paths as nested objects, with the same leaf at the end of each."""
    tree: dict[str, Any] = {}
    for column in columns:
        inner = tree
        for name in column.path[:-1]:
            inner = inner.setdefault(name, {})
        inner[column.path[-1]] = leaf
    return tree


def _nested(path: Sequence[str], leaf: str) -> dict[str, Any] | str:
    return {path[0]: _nested(path[1:], leaf)} if path else leaf


def _pointer(path: Sequence[str]) -> str:
    """The path as JSONPath."""
    return "$" + "".join(f'."{name}"' for name in path)


def _as_json(tree: dict[str, Any] | str) -> str:
    if isinstance(tree, str):
        return tree
    return "{" + ", ".join(f'"{name}": {_as_json(inner)}' for name, inner in tree.items()) + "}"


_STRINGS = r'"(?:[^"\\]|\\.)*"'


_IS_GLUED = r"json_valid('[' || regexp_replace(line, '\}\s*\{', '},{', 'g') || ']')"
"""Of a line that is not JSON: senders that leave out the ends of lines, such as Firehose, make of objects one line."""

_NOT_JSON = f"""CASE
    WHEN _of_topic AND starts_with(line, '{NO_EVENT}') THEN split_part(line, '{NO_EVENT}', 2)
    WHEN NOT _careful THEN CASE
        WHEN json_valid(line) THEN 'JSON, but not an object' WHEN {_IS_GLUED} THEN 'several JSON objects on one line' ELSE 'not JSON' END
    {" ".join(f"WHEN {condition} THEN {literal(reason)}" for condition, reason in DAMAGE)}
    WHEN json_valid(line) THEN 'JSON, but not an object'
    ELSE 'not JSON' END"""
_HOLDS_NAN = rf"""
    regexp_matches(line, '(?i)[:\[,]\s*-?(nan|inf)') AND regexp_matches(regexp_replace(line, '{_STRINGS}', '', 'g'), '(?i)nan|inf')"""

_BRACKETS = rf"translate(regexp_replace(regexp_replace(line, '{_STRINGS}', '', 'g'), '[^\[\]{{}}]+', '', 'g'), '{{}}', '[]')"
_TOO_DEEP = rf"NOT regexp_full_match({_BRACKETS}, repeat('(?:\[', {MAX_DEPTH}) || repeat('\])*', {MAX_DEPTH}))"
"""The brackets alone, and as many groups within each other as may be: one pass over the line, however deep or broad it is."""

"""The platform's SQL, which is DuckDB's, as Spark's: everything on which the two disagree is settled here.

Where they cannot be made to agree (what JSON holds, whether a text is a number, regular expressions, hashes that are stored), DuckDB itself
evaluates the expression within Spark's executors: the answer is the same by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from event_platform.engines.spark_tasks import evaluate

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType
    from sqlglot import exp

SPARK_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMPTZ": "timestamp",
}

FIELD_ID = "parquet.field.id"


@dataclass(frozen=True)
class Files:
    """Parquet files that a statement reads, as a temporary view of Spark's.

    `fields` are (id, name, Spark's type), given where files may be older than columns.
    """

    paths: tuple[str, ...]
    fields: tuple[tuple[int, str, str], ...]

    @property
    def name(self) -> str:
        """The view's name, made of what it holds."""
        return f"files_{_digest(self)}"

    def register(self, session: SparkSession) -> None:
        """Make the view; `filename` is the file's path as the catalogue has it."""
        options = {"__globPaths__": "false", "recursiveFileLookup": "true"}  # paths as they are, and nothing read from the names of folders
        read = session.read.schema(self._schema()).options(**options).parquet(*self.paths)
        path = "url_decode(replace(regexp_replace(_metadata.file_path, '^file:/+', '/'), '+', '%2B'))"
        read.selectExpr("*", f"{path} AS filename").createOrReplaceTempView(self.name)

    def _schema(self) -> StructType:
        import pyarrow.parquet as pq
        from pyspark.sql.pandas.types import from_arrow_schema
        from pyspark.sql.types import StructField, StructType, _parse_datatype_string

        if not self.fields:
            return StructType([StructField(field.name, field.dataType) for field in from_arrow_schema(pq.read_schema(self.paths[0]))])
        return StructType([StructField(name, _parse_datatype_string(kind), metadata={FIELD_ID: number}) for number, name, kind in self.fields])


@dataclass(frozen=True)
class Function:
    """A DuckDB expression over a0, a1, … as a function of Spark's, `gives` being its type there."""

    expression: str
    gives: str

    @property
    def name(self) -> str:
        """The function's name, made of what it does."""
        return f"duckdb_{_digest(self)}"

    def register(self, session: SparkSession) -> None:
        """Make the function known."""
        import warnings

        from pyspark.sql.functions import ArrowUDFType, arrow_udf  # type: ignore[attr-defined] # its stubs lag behind

        with warnings.catch_warnings(action="ignore"):  # of type hints, which a partial function cannot have
            function = arrow_udf(partial(evaluate, self.expression), self.gives, ArrowUDFType.SCALAR)
        session.udf.register(self.name, function)


@dataclass(frozen=True)
class Translation:
    """A statement in Spark's SQL, and what it needs. `creates` names the temporary view it makes, whose rows are to be kept if `is_kept`."""

    sql: str
    files: tuple[Files, ...] = ()
    functions: tuple[Function, ...] = ()
    creates: str | None = None
    is_kept: bool = False

    @property
    def needs(self) -> tuple[Files | Function, ...]:
        """What must be registered before it can run."""
        return (*self.files, *self.functions)


def _digest(value: Any) -> str:  # noqa: ANN401 - whatever has a repr that tells it from others
    return sha256(repr(value).encode()).hexdigest()[:16]


def translated(statement: str) -> Translation:
    """A SELECT, or CREATE OR REPLACE TEMP TABLE / VIEW … AS one, for Spark. Raises sqlglot.ParseError for what cannot be parsed."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(statement, read="duckdb")
    creates, is_kept = None, False
    if isinstance(tree, exp.Create):
        creates, is_kept, tree = tree.this.name, tree.kind == "TABLE", tree.expression
    files: dict[str, Files] = {}
    functions: dict[str, Function] = {}
    tree = tree.transform(_files, files, copy=False)
    tree = tree.transform(_by_duckdb, functions, copy=False)
    tree = tree.transform(_in_sparks_words, copy=False)
    return Translation(tree.sql("spark", pretty=True), tuple(files.values()), tuple(functions.values()), creates, is_kept)


def _files(node: exp.Expression, found: dict[str, Files]) -> exp.Expression:
    from sqlglot import exp

    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.ReadParquet):
        return node
    listed, *options = node.this.expressions
    fields = next((option.expression for option in options if option.this.name == "schema"), None)
    files = Files(tuple(path.this for path in listed.expressions), tuple(_fields(fields)) if fields else ())
    found[files.name] = files
    node.set("this", exp.to_identifier(files.name))  # an alias stays
    return node


def _fields(schema: exp.Expression) -> list[tuple[int, str, str]]:
    """From `MAP {1: {name: 'a', type: 'BIGINT', …}}`."""
    entries = schema.this.expressions
    told = ({each.this.name: each.expression.name for each in entry.expression.expressions} for entry in entries)
    return [(int(entry.this.name), of["name"], SPARK_TYPES[of["type"]]) for entry, of in zip(entries, told, strict=True)]


# Expressions that DuckDB evaluates.


def _by_duckdb(node: exp.Expression, found: dict[str, Function]) -> exp.Expression:
    from sqlglot import exp

    gives = _given_by_duckdb(node)
    if gives is None:
        return node
    arguments: list[exp.Expression] = []
    expression = _with_arguments(node.copy(), arguments)
    if not arguments and (constant := expression.find(exp.Literal)):  # a function of nothing would not know for how many rows
        arguments.append(constant.copy())
        constant.replace(exp.column("a0"))
    function = Function(expression.sql("duckdb"), gives)
    found[function.name] = function
    return exp.Anonymous(this=function.name, expressions=[argument.transform(_by_duckdb, found) for argument in arguments])


def _given_by_duckdb(node: exp.Expression) -> str | None:
    """Spark's type of an expression that DuckDB must evaluate; None for all others."""
    from sqlglot import exp

    match node:
        case exp.TryCast():
            return node.to.sql("spark").lower()
        case exp.JSONExtractScalar():
            return "array<string>" if isinstance(node.expression, exp.Array) else "string"
        case exp.Anonymous() if node.name.lower() == "event_key":
            return "bigint"
    plain: dict[type[exp.Expression], str] = {
        exp.DateBin: "timestamp",
        exp.RegexpExtract: "string",
        exp.RegexpReplace: "string",
        exp.RegexpLike: "boolean",
        exp.RegexpFullMatch: "boolean",
    }
    return plain.get(type(node))


def _with_arguments(node: exp.Expression, arguments: list[exp.Expression]) -> exp.Expression:
    """The expression with a0, a1, … in place of whatever Spark computes itself."""
    from sqlglot import exp

    for child in list(node.iter_expressions()):
        if not child.find(exp.Column, exp.AggFunc):  # a constant: the same in both
            continue
        if isinstance(child, exp.Binary | exp.Paren | exp.Array | exp.Neg) or _given_by_duckdb(child):
            _with_arguments(child, arguments)
            continue
        if child not in arguments:
            arguments.append(child.copy())
        child.replace(exp.column(f"a{arguments.index(child)}"))
    return node


# What is spelled otherwise.


def _in_sparks_words(node: exp.Expression) -> exp.Expression:
    from sqlglot import exp

    match node:
        case exp.IgnoreNulls(this=exp.AnyValue() as value):  # which with FILTER Spark spells otherwise
            return exp.Anonymous(this="ANY_VALUE", expressions=[value.this, exp.true()])
        case exp.Anonymous() if node.name.lower() == "hash":  # for the statement alone, never stored: any good hash does
            return exp.Anonymous(this="XXHASH64", expressions=node.expressions)
        case exp.Anonymous() if node.name.lower() == "strlen":
            return exp.Anonymous(this="OCTET_LENGTH", expressions=node.expressions)
        case exp.DateFromParts():  # Spark wants 32 bits
            parts = {part: exp.cast(node.args[part], "INT") for part in ("year", "month", "day")}
            return exp.DateFromParts(**parts)
    return node

"""How the files of a source hold their records: the word a contract says, no more. Reading them is `stage/`'s.

Every format keeps the same promise: a record that is broken goes to quarantine with its place in the file, a file that cannot
be read at all is one quarantined record.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class JsonLines:
    """One JSON object a line."""


@dataclass(frozen=True)
class JsonDocument:
    """One JSON document a file, laid out in any way: an array of objects, or one object, which is then the only record."""


@dataclass(frozen=True)
class Csv:
    """One record a line, fields between `delimiter`s, each of which may stand in double quotes (RFC 4180).

    With `header` the first line that is not blank names the fields, in whatever order; without it they are the contract's columns that
    are read from the file, in the order declared. A line that begins with `comment` holds no record. `null` are the texts that mean
    nothing is there. White space around a field without quotes is not part of it.
    """

    header: bool = True
    delimiter: str = ","
    null: tuple[str, ...] = ("",)
    comment: str | None = None


@dataclass(frozen=True)
class Parquet:
    """Apache Parquet; a record is a row."""


@dataclass(frozen=True)
class Avro:
    """Apache Avro object container files; a record is a datum. Needs the extra `avro`."""


Format = JsonLines | JsonDocument | Csv | Parquet | Avro

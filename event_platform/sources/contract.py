"""What a source declares about itself: the vocabulary of the files in this folder.

A contract says what a row is, not how it is processed. Everything else (tables, DDL, assets, sensor, checks, the Columns
tab) is derived from it; no other place names a source's columns.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, get_args, get_origin, get_type_hints

from event_platform.errors import ConfigurationError
from event_platform.sources.formats import Format, JsonLines
from event_platform.sources.retention import Retention

ColumnType = Literal["string", "long", "double", "boolean", "date", "timestamp", "json"]
"""`timestamp` is microseconds in UTC; `json` is JSON text, kept as it came."""

Written = Literal["typed", "text", "epoch_seconds", "epoch_milliseconds"]
"""How a value stands in a record: as its JSON type (times and dates as ISO 8601 strings), also as a string that spells it, or as a number."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _wrong_types(declared: object) -> Iterator[str]:
    """Which fields hold another type than they are declared with, one sentence each: nobody runs a type checker over contracts."""
    for name, hint in get_type_hints(type(declared)).items():
        value, is_list = getattr(declared, name), get_origin(hint) is tuple
        if is_list and not isinstance(value, tuple | list):
            yield f"`{name}` is a list, not {value!r}: of one, (…,) with the comma"
            continue
        kind = get_args(hint)[0] if is_list else hint
        for wrong in (each for each in (value if is_list else (value,)) if not _is(each, kind)):
            yield f"`{name}` takes {getattr(kind, '__name__', kind)}, not {wrong!r}"


def _is(value: object, kind: Any) -> bool:  # noqa: ANN401 - a class, or several
    return get_origin(kind) is Literal or isinstance(value, kind) or (isinstance(value, int) and isinstance(0.0, kind))


@dataclass(frozen=True)
class Column:
    """One column of a table: its meaning, with the unit where it has one.

    `personal` marks personal data: masked in samples, never logged. `nullable=False` on a contract column sends a
    record without it to quarantine; so does a value that is not among `accepted`, where that is given.

    In a contract, `field` says under which name a record holds the value, if not the column's own; a path through objects is written with
    points (`data.values.temperature`). `written` says how. A column with `sql` is read from no field: it is computed from the columns
    before it, from `file_name` (the name under which the file arrived) and from what stage adds (`landing_date`, `file_id`, `line_number`).
    """

    name: str
    type: ColumnType
    meaning: str
    nullable: bool = True
    personal: bool = False
    accepted: tuple[str, ...] = ()
    field: str | None = None
    written: Written = "typed"
    sql: str | None = None

    def __post_init__(self) -> None:
        """Refuse a type or way of writing that does not exist, with a ConfigurationError that names the column."""
        for said, known in ((self.type, get_args(ColumnType)), (self.written, get_args(Written))):
            if said not in known:
                raise ConfigurationError(f"The column `{self.name}` is said to be {said!r}, which is none of {', '.join(known)}.")
        for fault in _wrong_types(self):
            raise ConfigurationError(f"The column `{self.name}` cannot be used: {fault}.")

    @property
    def path(self) -> tuple[str, ...]:
        """Where a record holds the value: names from the outside in."""
        return tuple((self.field or self.name).split("."))


@dataclass(frozen=True)
class Rule:
    """A further reason for quarantine: `broken_if` is a SQL condition over the contract's typed columns.

    A record on whose values the condition fails (a text that should be a number and is none) is taken to break the rule.
    """

    reason: str
    broken_if: str

    def __post_init__(self) -> None:
        """Refuse what is no text, with a ConfigurationError that names the rule."""
        for fault in _wrong_types(self):
            raise ConfigurationError(f"The rule {self.reason!r} cannot be used: {fault}.")

    @property
    def is_broken(self) -> str:
        """Whether a record breaks it, as SQL that never fails: DuckDB's error would stop the feed, and quote the value."""
        return f"coalesce(TRY(coalesce(({self.broken_if}), false)), true)"


@dataclass(frozen=True)
class Subject:
    """A way to name a person whom records tell of: what `event-platform erase --subject KEY=VALUE` looks for.

    `places` are columns, or a column of JSON and the path to a value in it, written with points (`data.from.account_id`); `sql` are further values,
    computed from the columns. A record tells of the person if any of these is the value asked for, letter by letter.
    """

    key: str
    places: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse places that are no list, with a ConfigurationError that names the subject."""
        for fault in _wrong_types(self):
            raise ConfigurationError(f"The subject {self.key!r} cannot be used: {fault}.")

    @property
    def values(self) -> tuple[str, ...]:
        """Each value as a text, as SQL over the source's columns; NULL where there is none."""
        return (*(_value_at(*place.split(".")) for place in self.places), *(f"CAST(({value}) AS VARCHAR)" for value in self.sql))


def _value_at(column: str, *path: str) -> str:
    name = '"' + column.replace('"', '""') + '"'
    if not path:
        return f"CAST({name} AS VARCHAR)"
    pointer = "$" + "".join(f'."{each}"' for each in path)
    return f"json_extract_string({name}, '{pointer}')"


@dataclass(frozen=True)
class Source:
    """One feed of files that hold records of one kind.

    `event_id` and `timestamp` name the columns that identify an event and tell its time; `kind` are the columns that,
    joined by `-`, become `domain_event_type`, the first level under which trusted is stored.
    Records that carry no id get one: `id_from` names the columns that together say which event it is, and `event_id` then is a column of
    no field, made of their values and of how often they stood in the same file before, in sound records. So the same file read again, or
    the same answer pulled again, gives the same ids, and records that are alike within one file stay as many as they are.
    With `id_may_be_given` a record may bring its id in the field of `event_id`; only one that brings none gets one, made of the values of `id_from`
    alone, wherever it stands: two such records that agree are one event, so what a client sends again is no second event.
    `first_date` is the earliest event date accepted (UTC), `days_early_allowed` how far past its landing date an event
    may lie. `subjects` are the ways to name a person whom the records tell of.
    `retention` is how long each layer keeps its rows; without it, for ever.
    `quarantine_share_warning` is the share of quarantined lines above which a check warns; `fresh_within_hours` how old
    the last landing may be before a check warns (None: no matter).
    """

    name: str
    title: str
    owner: str
    columns: tuple[Column, ...]
    event_id: str
    timestamp: str
    kind: tuple[str, ...]
    format: Format = field(default_factory=JsonLines)
    id_from: tuple[str, ...] = ()
    id_may_be_given: bool = False
    rules: tuple[Rule, ...] = ()
    subjects: tuple[Subject, ...] = ()
    first_date: date = date(2000, 1, 1)
    days_early_allowed: int = 1
    retention: Retention = field(default_factory=Retention)
    quarantine_share_warning: float = 0.01
    fresh_within_hours: float | None = None
    description: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse a contract that contradicts itself, with a ConfigurationError that names source and column."""
        for fault in _wrong_types(self):
            raise self._wrong(fault)
        if not NAME.fullmatch(self.name):
            raise self._wrong(f"its name must match {NAME.pattern}")
        placed = (place.partition(".")[0] for subject in self.subjects for place in subject.places)
        for name in (self.event_id, self.timestamp, *self.kind, *self.id_from, *placed):
            if name not in self.column_names:
                raise self._wrong(f"it refers to the column `{name}`, which it does not declare")
        if self.id_may_be_given and not self.id_from:
            raise self._wrong("`id_may_be_given` needs `id_from`, of which the id is made where none is given")
        folded = {name.casefold() for name in self.column_names}
        if len(folded) < len(self.columns):
            raise self._wrong("it declares a column twice (SQL does not tell upper from lower case)")
        if reserved := {name for name in folded if name in RESERVED or name.startswith("_")}:
            raise self._wrong(f"the platform itself uses {', '.join(sorted(reserved))}; rename the column and say `field=` for where it stands")
        for fault in self.retention.faults():
            raise self._wrong(fault)
        self._refuse_types_and_paths()

    def _refuse_types_and_paths(self) -> None:
        if self.column(self.event_id).type != "string":
            raise self._wrong(f"`{self.event_id}` identifies events and must be a string")
        if self.column(self.timestamp).type != "timestamp":
            raise self._wrong(f"`{self.timestamp}` must be of type timestamp")
        paths = [column.path for column in self.read_columns]
        for path in paths:
            if any(other[: len(path)] == path for other in paths if other is not path):
                raise self._wrong(f"`{'.'.join(path)}` is read by one column whole, and by another again or in part")

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names in the order declared."""
        return tuple(column.name for column in self.columns)

    @property
    def read_columns(self) -> tuple[Column, ...]:
        """The columns that records hold: all but those that are computed."""
        derived = {self.event_id} if self.id_from and not self.id_may_be_given else set()
        return tuple(column for column in self.columns if column.sql is None and column.name not in derived)

    @property
    def computed_columns(self) -> tuple[Column, ...]:
        """The columns that are SQL over the others."""
        return tuple(column for column in self.columns if column.sql is not None)

    @property
    def reads_file_names(self) -> bool:
        """Whether a file's name says something about its records, so that the same bytes under another name are other records."""
        return any("file_name" in (column.sql or "") for column in self.columns)

    def must_hold(self, column: Column) -> bool:
        """Whether a record without a value for the column is broken; an id that is made where it is missing may be missing."""
        return not column.nullable and not (self.id_may_be_given and column.name == self.event_id)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        return {column.name: column for column in self.columns}[name]

    def _wrong(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"The contract of source {self.name!r} cannot be used: {why}.")


STAGE_COLUMNS = (
    Column("extra", "json", "Fields the contract does not name, as one JSON object; null when there are none", personal=True),
    Column("domain_event_type", "string", "The kind of event: the contract's `kind` columns joined by `-`", nullable=False),
    Column("event_date", "date", "UTC day of the event", nullable=False),
    Column("landing_date", "date", "UTC day the platform claimed the file", nullable=False),
    Column("landing_file", "string", "File the line came from, relative to the source's archive", nullable=False),
    Column("file_id", "long", "The file's place in the order of landing", nullable=False),
    Column("line_number", "long", "Line in the file, from 1, blank lines counted", nullable=False),
)
"""What stage adds to a contract's columns: the event's date and kind, and where the line came from."""

TRUSTED_COLUMNS = (
    Column("year", "long", "Year of the event date", nullable=False),
    Column("month", "long", "Month of the event date, 1 to 12", nullable=False),
    Column("day", "long", "Day of the event date, 1 to 31", nullable=False),
)
"""What trusted adds to stage's columns: the levels it is stored under."""

QUARANTINE_COLUMNS = (
    Column("landing_date", "date", "UTC day the platform claimed the file", nullable=False),
    Column("landing_file", "string", "File the line came from, relative to the source's archive", nullable=False),
    Column("file_id", "long", "The file's place in the order of landing", nullable=False),
    Column("line_number", "long", "Line in the file, from 1; 0 for a file that cannot be read as lines", nullable=False),
    Column("reason", "string", "Why the line is not in stage", nullable=False),
    Column("line", "string", "The line as text, cut to 10,000 characters; the archive keeps every byte", personal=True),
    Column("line_bytes", "long", "Length of the line in bytes", nullable=False),
    Column("kafka_topic", "string", "Topic the message came from; null for a line that came in a file"),
    Column("kafka_partition", "long", "Partition of the topic"),
    Column("kafka_offset", "long", "Offset of the message in the partition"),
)

LEDGER_COLUMNS = (
    Column("landing_date", "date", "UTC day the platform claimed the file", nullable=False),
    Column("landing_file", "string", "Path under the source's archive `processed/`", nullable=False),
    Column("file_id", "long", "The file's place in the order of landing: claim time in microseconds since 1970", nullable=False),
    Column("original_name", "string", "Name the file arrived under", nullable=False),
    Column("bytes", "long", "Size: as received, unless records were erased since", nullable=False),
    Column("sha256", "string", "Hash of the bytes, hexadecimal: as received, unless records were erased since", nullable=False),
    Column("lines", "long", "Lines after decompression, blank ones counted; 1 for a file that cannot be read as lines", nullable=False),
    Column("blank_lines", "long", "Lines that hold no record: of white space only, and the header and comments of CSV", nullable=False),
    Column("unreadable", "string", "Why the file cannot be read as lines; null when it can"),
    Column(
        "careful",
        "boolean",
        "The file holds what the fast reader cannot take (CR, NUL, bad UTF-8, BOM, overlong lines, a misleading suffix)",
        nullable=False,
    ),
    Column("compression", "string", "none, gzip or zstd, by the file's first bytes", nullable=False),
    Column(
        "duplicate_of",
        "string",
        "Earlier file with the same bytes (and the same name, where the contract reads names); archived but not staged again",
    ),
    Column("claimed_at", "timestamp", "When the platform claimed the file (UTC)", nullable=False),
    Column("run_id", "string", "Dagster run that claimed the file", nullable=False),
    Column("kafka_topic", "string", "Topic whose messages the file holds, a line each; null for any other file"),
    Column("kafka_topic_id", "string", "Which topic of that name; one that is made anew has another"),
    Column("kafka_partition", "long", "Partition of the topic"),
    Column("first_offset", "long", "Offset of line 1; line n is the message at `first_offset + n - 1`, blank where the topic has none"),
    Column("last_offset", "long", "Offset of the last line"),
    Column("repeated_offsets", "string", "Offsets that files landed before have, such as `100-149,160-160`; their lines are not staged again"),
    Column("repeated_lines", "long", "How many messages have these offsets"),
    Column("received_records", "long", "Records as received, where some were erased since on behalf of a person; null where none were"),
    Column("received_sha256", "string", "Hash of the bytes as received, where records were erased since; null where none were"),
)

RESERVED = {column.name for column in (*STAGE_COLUMNS, *TRUSTED_COLUMNS, *QUARANTINE_COLUMNS)} | {"file_name", "filename", "file_index"}

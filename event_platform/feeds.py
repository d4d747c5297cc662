"""What there is for each feed, told from its contract and its aggregates alone: the list of `event-platform feeds` and of docs/feeds/README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_platform import sources, tables
from event_platform.aggregate import aggregates_of
from event_platform.errors import UsageError

if TYPE_CHECKING:
    from event_platform.sources.contract import Source

BEGIN, END = "<!-- feeds: begin -->", "<!-- feeds: end -->"
"""Between these lines of a document its table of feeds stands."""


@dataclass(frozen=True)
class Feed:
    """One feed in words: what identifies an event, which columns make its kind, what its tables are."""

    source: str
    title: str
    format: str
    event_id: str
    kinds: str
    trusted: str
    aggregates: tuple[str, ...]
    owner: str


def all_feeds() -> list[Feed]:
    """Every feed there is a contract of, by name."""
    return [_feed(source) for _, source in sorted(sources.all_sources().items())]


def _feed(source: Source) -> Feed:
    return Feed(
        source=source.name,
        title=source.title,
        format=_words(type(source.format).__name__),
        event_id=_identity(source),
        kinds="-".join(source.kind),
        trusted=tables.trusted(source).name,
        aggregates=tuple(aggregate.table.name for aggregate in aggregates_of(source)),
        owner=source.owner,
    )


def _words(class_name: str) -> str:
    """`JsonLines` as people write it: JSON lines."""
    first, *others = re.findall("[A-Z][a-z]+", class_name)
    return " ".join([first.upper() if first in ("Json", "Csv") else first, *map(str.lower, others)])


def _identity(source: Source) -> str:
    """The column that holds the id; where the platform makes it, of what."""
    if not source.id_from:
        return source.event_id
    fields = ", ".join(source.id_from) if len(source.id_from) <= 5 else f"{len(source.id_from)} columns"
    return f"{source.event_id}, {'if not given ' if source.id_may_be_given else ''}made of {fields}"


def markdown(feeds: list[Feed]) -> str:
    """The list as a Markdown table."""
    heads = ("feed", "title", "format", "an event is identified by", "kind", "tables", "owner")
    rows = (
        (f"`{each.source}`", each.title, each.format, each.event_id, each.kinds, ", ".join(f"`{name}`" for name in _tables(each)), each.owner)
        for each in feeds
    )
    return "".join(f"| {' | '.join(row)} |\n" for row in (heads, ["---"] * len(heads), *rows))


def _tables(feed: Feed) -> tuple[str, ...]:
    return (feed.trusted, *feed.aggregates)


def updated(document: str, table: str) -> str:
    """The document with the table between its two markers; UsageError if it lacks them."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UsageError(f"The document has no place for the table. Give it the lines {BEGIN} and {END}.")
    return f"{before}{begin}\n{table}{end}{after}"

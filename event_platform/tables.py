"""The tables each source has, derived from its contract: the four layers' names and columns, and what they are stored by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform.lake.schema import Table
from event_platform.sources.contract import LEDGER_COLUMNS, QUARANTINE_COLUMNS, STAGE_COLUMNS, TRUSTED_COLUMNS, Column

if TYPE_CHECKING:
    from event_platform.sources.contract import Source

SEEN_COLUMNS = (
    Column("event_key", "long", "64-bit hash of an event id", nullable=False),
    Column("event_date", "date", "A UTC day on which a version of that event was staged", nullable=False),
)


def ledger(source: Source) -> Table:
    """`landing.<source>`: one row per file."""
    return Table("landing", source.name, f"{source.title}: one row per file, as received.", LEDGER_COLUMNS, ("landing_date",))


def stage(source: Source) -> Table:
    """`stage.<source>`: one row per parsed line."""
    what = f"{source.title}: one row per parsed line, with the file and line it came from."
    return Table("stage", source.name, what, (*source.columns, *STAGE_COLUMNS), ("landing_date",))


def quarantine(source: Source) -> Table:
    """`quarantine.<source>`: one row per line that is not in stage."""
    what = f"{source.title}: one row per line that could not be staged, with the reason."
    return Table("quarantine", source.name, what, QUARANTINE_COLUMNS, ("landing_date",))


def trusted(source: Source) -> Table:
    """`trusted.<source>`: one row per event, its latest version."""
    what = f"{source.title}: one row per event, its latest version; an event id is there once across all dates."
    columns = (*source.columns, *STAGE_COLUMNS, *TRUSTED_COLUMNS)
    return Table("trusted", source.name, what, columns, ("domain_event_type", "year", "month", "day"), looked_up_by=(source.event_id,))


def seen(source: Source) -> Table:
    """`stage.<source>_seen`: on which dates an event id was ever staged; what finds the older version of a new event."""
    what = f"{source.title}: on which event dates each event id has been staged; the id look-up of the merge, not meant for people."
    return Table("stage", f"{source.name}_seen", what, SEEN_COLUMNS)

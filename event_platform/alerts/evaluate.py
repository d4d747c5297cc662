"""Which new observations of trusted.weather breach a rule or end a breach, and who is to be told when.

The observations of a place are looked at in the order of their time, each once. One that comes later than a newer one of its place, or that is
older than the configuration's maximal age, raises nothing: alerts are about now. One dated ahead of the clock waits until its time has come.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from event_platform import partitions, tables
from event_platform.alerts import hysteresis
from event_platform.alerts.hysteresis import State
from event_platform.alerts.log import Entry
from event_platform.alerts.timing import due_at
from event_platform.sources.weather import SOURCE
from event_platform.trusted.dates import files_of_dates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from event_platform.alerts.configuration import Configuration, Rule
    from event_platform.alerts.hysteresis import Kind
    from event_platform.alerts.log import AlertLog
    from event_platform.lake.catalog import Lake

CLOCK_TOLERANCE = timedelta(minutes=5)
"""The provider's clock may be so much ahead of ours."""

Observation = dict[str, object]
"""One row of trusted.weather by column name; there are as many as polls within the maximal age, so they may pass through Python."""


def evaluate_new(lake: Lake, log: AlertLog, configuration: Configuration, now: datetime) -> list[Entry]:
    """Look at what is new, and log what is to be told, with what was looked at, in one commit; give the rows logged."""
    trusted = lake.open(tables.trusted(SOURCE))
    changes = trusted.changes_since(log.table.consumed(trusted.declared.name))
    first, last = _span(configuration, now)
    dates = partitions.days_between(first.astimezone(UTC).date(), last.astimezone(UTC).date())
    consumed = {trusted.declared.name: changes[-1].sequence} if changes else {}
    return evaluate_rows(trusted.select(files_of_dates(trusted, dates)), log, configuration, now, consumed)


def evaluate_rows(
    rows_sql: str, log: AlertLog, configuration: Configuration, now: datetime, consumed: Mapping[str, int] | None = None
) -> list[Entry]:
    """The same of what a SELECT gives, with columns of trusted.weather; `consumed` is what the log has then taken in, if that is new."""
    evaluated = log.evaluated()
    observations = _new_observations(rows_sql, log, _span(configuration, now), evaluated)
    if not consumed and not observations:
        return []
    entries = list(_entries(configuration, log.states(), observations, now))
    log.append(entries, now, evaluated | {str(each["place"]): _time(each) for each in observations}, consumed)
    return entries


def _span(configuration: Configuration, now: datetime) -> tuple[datetime, datetime]:
    """The first and the last time of observations that are about now."""
    return now - timedelta(minutes=configuration.max_age_minutes), now + CLOCK_TOLERANCE


def _new_observations(rows_sql: str, log: AlertLog, span: Sequence[datetime], evaluated: dict[str, datetime]) -> list[Observation]:
    """Rows later than the last one looked at of their place and young enough, in the order of their time."""
    found = log.duck.execute(f"SELECT * FROM ({rows_sql}) WHERE observed_at >= $1 AND observed_at <= $2 ORDER BY observed_at, place", [*span])
    names = [column[0] for column in found.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return [row for row in rows if str(row["place"]) not in evaluated or _time(row) > evaluated[str(row["place"])]]


def _entries(
    configuration: Configuration, states: dict[tuple[str, str, str], State], observations: list[Observation], now: datetime
) -> Iterator[Entry]:
    for observation in observations:
        place = str(observation["place"])
        for rule in configuration.rules:
            value = observation[rule.column]
            if not rule.applies_to(place) or not isinstance(value, (int, float)):
                continue
            key = (rule.name, rule.column, place)
            states[key], kind = hysteresis.step(rule, states.get(key, State()), _time(observation), value)
            if kind:
                yield from _to_each_recipient(configuration, rule, kind, observation, now)


def _to_each_recipient(configuration: Configuration, rule: Rule, kind: Kind, observation: Observation, now: datetime) -> Iterator[Entry]:
    place, observed_at = str(observation["place"]), _time(observation)
    for name in rule.recipients:
        due = due_at(configuration.recipients[name], configuration.places.get(place), now)
        yield Entry(
            alert_id="@".join((rule.name, place, observed_at.astimezone(UTC).isoformat(), kind)),
            kind=kind,
            rule=rule.name,
            place=place,
            measure=rule.column,
            observation_id=str(observation[SOURCE.event_id]),
            observed_at=observed_at,
            value=float(str(observation[rule.column])),
            threshold=rule.threshold if kind == "breach" else rule.clear_level,
            is_above=rule.above is not None,
            recipient=name,
            state="due",
            attempt=0,
            due_at=due,
            first_due_at=due,
            is_gathered=due > now,
        )


def _time(observation: Observation) -> datetime:
    moment = observation[SOURCE.timestamp]
    assert isinstance(moment, datetime)  # noqa: S101 - the table says so
    return moment

"""A made-up feed of payment events: 8 kinds, about 312 bytes a line, every 20th line a repeat of an earlier event.

One line per delivery of an event. Of the repeats a third are the earlier line again, a third a newer version (a later timestamp,
up to 12 hours, so some cross midnight) and a third an older version that comes late.

Every line follows from the seed and the line's number alone (DuckDB's `hash`), so any cut of a feed into files and any number of
threads gives the same bytes; another version of DuckDB may give others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from event_platform.engines.spelling import literal
from event_platform.errors import UsageError

FIRST_DAY = date(2026, 1, 1)
LINES_A_FILE = 1_000_000
"""About 312 MB."""
REPEAT_EVERY = 20
REPEATS_REACH_BACK = 100_000
"""A repeat is of an event at most so many lines earlier."""
SHIFT_SECONDS = 12 * 3600
"""A version differs from the first one by at most so much in time."""

LINES = """
    WITH numbered AS (
        SELECT i, i % {every} = {every} - 1 AS is_repeat, hash(i, {seed}) AS luck FROM range({start}, {stop}) AS line(i)
    ), pointing AS (
        SELECT *, CASE WHEN is_repeat THEN i - 1 - (luck % least(i, {reach}))::BIGINT ELSE i END AS target FROM numbered
    ), chosen AS (
        SELECT i, target - (target % {every} = {every} - 1)::BIGINT AS event,
            CASE WHEN is_repeat THEN (luck >> 32) % 3 ELSE 0 END AS version, -- 0: the line as it was first, 1: newer, 2: older
            1 + ((luck >> 40) % {shift})::BIGINT AS shift
        FROM pointing
    ), drawn AS (
        SELECT *, hash(event, {seed}, 1) AS r, hash(event, {seed}, 2) AS s, hash(CASE version WHEN 0 THEN event ELSE i END, {seed}, 3) AS b
        FROM chosen
    ), worded AS (
        SELECT *, ({kinds})[1 + (r % 8)::BIGINT] AS kind, ['CASHIN', 'CASHOUT', 'DEBIT', 'CELPHONE_RECHARGE'][1 + (r >> 3 & 3)::BIGINT] AS type,
            event * {seconds} // {lines} + (r >> 5) % 60 + CASE version WHEN 1 THEN shift WHEN 2 THEN -shift ELSE 0 END AS second,
            ({phrases})[1 + (b & 15)::BIGINT] || ', ' || ({phrases})[1 + (b >> 4 & 15)::BIGINT] || ', '
                || ({phrases})[1 + (b >> 8 & 15)::BIGINT] || ', ' || ({phrases})[1 + (b >> 12 & 15)::BIGINT] AS words,
            1000 + (r >> 8) % 900000 AS id, 1000 + (s >> 8) % 50000 AS account
        FROM drawn
    )
    SELECT '{{"timestamp": "'
        || strftime(TIMESTAMP '{first_day}' + to_seconds(greatest(0, least({seconds} - 1, second))::BIGINT), '%Y-%m-%dT%H:%M:%S')
        || '", "event_id": "' || (r::UHUGEINT << 64 | s::UHUGEINT)::UUID
        || '", "domain": "' || kind[1] || '", "event_type": "' || kind[2] || '", "data": {{"id": ' || id || CASE
            WHEN kind[1] = 'transaction' THEN ', "type": "' || type || '", "amount": "' || (b >> 16) % 2000 || '.' || (b >> 30) % 10
                || '", ' || CASE type
                WHEN 'CASHIN' THEN '"from": {{"account_id": ' || account || ', "name": "Customer ' || account || '", "message": "' || words || '"}}'
                WHEN 'CASHOUT' THEN '"to": {{"account_id": ' || account || ', "name": "Customer ' || account || '", "message": "' || words || '"}}'
                WHEN 'DEBIT' THEN '"debit": {{"place": "Shop ' || account || '", "address": "' || words || '"}}'
                ELSE '"recipient": {{"msisdn": "000' || 1000000000 + account || '", "carrier": "Carrier ' || account % 7
                    || '"}}, "message": "' || words || '"' END
            WHEN kind[2] = 'status-change' THEN ', "old_status": "' || ['ACTIVE', 'SUSPENDED'][1 + (b >> 16 & 1)::BIGINT]
                || '", "new_status": "' || ['SUSPENDED', 'ACTIVE'][1 + (b >> 16 & 1)::BIGINT] || '", "reason": "' || words || '"'
            WHEN kind[1] = 'account' AND kind[2] = 'creation' THEN ', "name": "Customer ' || id || '", "document": "' || 10000000000 + s % 80000000000
                || '", "email": "customer' || id || '@example.com", "occupation": "' || words || '"'
            ELSE ', "account_id": ' || account || ', "reason": "' || words || '"' END || '}}}}' AS line
    FROM worded"""

KINDS = """[['account', 'creation'], ['account', 'status-change'], ['account', 'closure'], ['card', 'creation'],
    ['card', 'block'], ['transaction', 'creation'], ['transaction', 'settlement'], ['transaction', 'refund']]"""

PHRASES = """['rent for the flat', 'thanks for lunch', 'second instalment', 'tickets to the coast', 'as agreed on the phone', 'birthday present',
    'monthly allowance', 'repair of the old bicycle', 'groceries and bread', 'share of the electricity', 'music lessons', 'deposit returned',
    'wrong amount last time', 'books for the course', 'taxi from the airport', 'the usual']"""


@dataclass(frozen=True)
class Feed:
    """A feed of so many lines whose timestamps lie in `days` days from `first_day` (UTC). Raises UsageError when there is nothing to make."""

    lines: int
    days: int = 30
    seed: int = 1
    first_day: date = FIRST_DAY

    def __post_init__(self) -> None:
        if self.lines < 1 or self.days < 1:
            raise UsageError(f"A feed needs at least 1 event and 1 day, not {self.lines} and {self.days}.")

    @property
    def events(self) -> int:
        """How many different event ids there are."""
        return self.lines - self.lines // REPEAT_EVERY

    def select(self, start: int, stop: int) -> str:
        """A DuckDB SELECT of the lines numbered [start, stop), in order, without newlines."""
        return LINES.format(
            **vars(self),
            start=start,
            stop=stop,
            seconds=self.days * 86_400,
            every=REPEAT_EVERY,
            reach=REPEATS_REACH_BACK,
            shift=SHIFT_SECONDS,
            kinds=KINDS,
            phrases=PHRASES,
        )

    def write(self, path: Path, start: int, stop: int) -> Path:
        """Write the lines numbered [start, stop) to a file; memory does not grow with it."""
        import duckdb

        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute(
                f"COPY ({self.select(start, stop)}) TO {literal(str(path))} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
            )
        return path

    def write_files(self, folder: Path, lines_a_file: int = LINES_A_FILE) -> Iterator[Path]:
        """Write the feed to `events-00000.json` …, giving each file as it is done."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, start in enumerate(range(0, self.lines, lines_a_file)):
            yield self.write(folder / f"events-{number:05}.json", start, min(start + lines_a_file, self.lines))

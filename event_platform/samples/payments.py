"""Events of a made-up payment provider: 8 kinds, 5 % of the lines repeat an earlier event, some in a newer version.

Every value follows from the seed and the number of the line (md5), so the same seed gives the same bytes on any machine.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import date
from pathlib import Path

FIRST_DAY = date(2026, 1, 1)
REPEATED_SHARE = 0.05
LINES_A_QUERY = 500_000
"""So many lines are made at once, which bounds memory."""

KINDS = """[
    ('account', 'creation'), ('account', 'status-change'), ('account', 'closure'), ('transaction', 'creation'),
    ('transaction', 'settlement'), ('transaction', 'refund'), ('card', 'creation'), ('card', 'block')]"""

LINES = """
    WITH numbered AS (
        SELECT i, ('0x' || md5('{seed}-repeat-' || i)[:8])::UBIGINT % 10000 < {repeated} AND i > 0 AS is_repeat,
            ('0x' || md5('{seed}-which-' || i)[:8])::UBIGINT AS which
        FROM range({start}, {stop}) AS line(i)
    ), events AS (
        SELECT i, CASE WHEN is_repeat THEN (i - 1 - which % least(i, {window}))::BIGINT ELSE i END AS event, is_repeat, which % 3 AS version FROM numbered
    ), drawn AS (
        SELECT *, md5('{seed}-event-' || event) AS id, ('0x' || md5('{seed}-event-' || event)[:12])::UBIGINT AS r FROM events
    ), timed AS (
        SELECT *, TIMESTAMP '{first_day}' + to_microseconds(
            (event * {days} * 86400 * 1000000 // {events} + r % 60000000 + CASE WHEN is_repeat THEN version * 1500000 ELSE 0 END)::BIGINT) AS happened,
            ({kinds})[(1 + r % 8)::BIGINT] AS kind
        FROM drawn
    )
    SELECT '{{"timestamp": "' || strftime(happened, '%Y-%m-%dT%H:%M:%S')
        || '", "event_id": "' || id[:8] || '-' || id[9:12] || '-4' || id[14:16] || '-a' || id[18:20] || '-' || id[21:32]
        || '", "domain": "' || kind[1] || '", "event_type": "' || kind[2]
        || '", "data": {{"id": ' || (r % 900000 + 1000) || ', "type": "' || ['DEBIT', 'CASHIN', 'CASHOUT', 'TOP_UP'][(1 + r % 4)::BIGINT]
        || '", "amount": "' || (r % 1000000 / 100)::DECIMAL(12, 2) || '", "from": {{"account_id": ' || (r % 5000)
        || ', "name": "Customer ' || (r % 9973) || '", "message": "' || md5(id || 'm') || ' ' || id || '"}}}}}}' || chr(10) AS line
    FROM timed ORDER BY i"""


def event_lines(events: int, days: int, seed: int = 1, first_day: date = FIRST_DAY, start: int = 0, stop: int | None = None) -> str:
    """A DuckDB SELECT of the lines `start` to `stop` (half open) of a feed of so many lines over so many days, about 312 bytes each."""
    return LINES.format(
        seed=seed,
        events=events,
        days=days,
        first_day=first_day,
        start=start,
        stop=events if stop is None else stop,
        window=100_000,
        repeated=int(10_000 * REPEATED_SHARE),
        kinds=KINDS,
    )


def write_events(folder: Path, events: int, days: int = 30, seed: int = 1, lines_a_file: int = 1_000_000) -> Iterator[Path]:
    """Write a feed without bad lines to files `events-00000.json` …, giving each as it is done; memory stays bounded."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, events, lines_a_file)):
        path = folder / f"events-{number:05}.json"
        with path.open("wb") as file:
            for first in range(start, min(start + lines_a_file, events), LINES_A_QUERY):
                last = min(first + LINES_A_QUERY, start + lines_a_file, events)
                file.write(_text(event_lines(events, days, seed, start=first, stop=last)))
        yield path


def write_sample(folder: Path, seed: int = 1, events: int = 20_000, days: int = 30) -> list[Path]:
    """Write the demo's six files: duplicates, a pair across midnight, an event that names an extra field, and bad lines of several sorts."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = _text(event_lines(events, days, seed)).splitlines(keepends=True)
    parts = [lines[len(lines) * number // 6 : len(lines) * (number + 1) // 6] for number in range(6)]
    midnight = [_with_time(parts[1][0], "2026-01-05T23:59:59"), _with_time(parts[1][0], "2026-01-06T00:00:01")]
    extra = parts[2][0].replace(b'"domain"', b'"channel": "mobile", "domain"')
    contents = {
        "payments-1.json": b"\n" + b"".join(parts[0]),
        "payments-2.json": b"".join([*midnight, *parts[1]]),
        "payments-3.json": b"".join([extra, *parts[2], *_bad_lines(parts[2])]),
        "payments-4-windows.json": b"".join(parts[3]).replace(b"\n", b"\r\n"),
        "payments-5.json.gz": gzip.compress(b"".join([*parts[4], *parts[3][:50]]), compresslevel=6, mtime=0),
        "payments-6-torn.json": b"".join(parts[5])[:-60],
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def _bad_lines(good: list[bytes]) -> list[bytes]:
    return [
        b"null\n",
        b"[1, 2]\n",
        good[0].replace(b'"event_id"', b'"id"'),
        good[1].replace(b'"event_id": "', b'"event_id": 7, "was": "'),
        _with_time(good[2], "2026-02-30T10:00:00"),
        good[3].replace(b'"domain": "', b'"domain": "\x00'),
    ]


def _with_time(line: bytes, time: str) -> bytes:
    head, _, tail = line.partition(b'"timestamp": "')
    return head + b'"timestamp": "' + time.encode() + tail[19:]


def _text(select: str) -> bytes:
    """The lines one after the other: Arrow keeps the values of a string column so."""
    import duckdb

    with duckdb.connect() as connection:
        chunks = connection.sql(select).to_arrow_table().column("line").chunks
    return b"".join(chunk.buffers()[2].to_pybytes() for chunk in chunks)

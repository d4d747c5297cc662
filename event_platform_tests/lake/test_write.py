"""What DuckDB writes is what the table declares."""

from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pyarrow as pa
from pyiceberg.expressions import EqualTo

from event_platform import tables
from event_platform.erasure.proof import avro_blocks
from event_platform.lake import maintenance
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform_tests.conftest import STAGE_SCHEMA, Event, LakeAtHand, staged_row

LINE = """
    SELECT DATE '2026-03-10' AS landing_date, 'a.json' AS landing_file, 1 AS file_id, 1 AS line_number, 'torn' AS reason, {line} AS line,
        4 AS line_bytes, NULL AS kafka_topic, NULL AS kafka_partition, NULL AS kafka_offset"""


def test_a_column_without_a_value_is_written_with_its_type(at_hand: LakeAtHand) -> None:
    """DuckDB gives a column of bare NULLs no type in Parquet; such a file and one with values would not be read together."""
    table = at_hand.lake.open(tables.quarantine(at_hand.source))
    written = [file for line in ("NULL", "'torn'") for file in write(at_hand.duck, table, LINE.format(line=line))]
    assert at_hand.duck.execute(f"SELECT line FROM ({table.select(written)}) ORDER BY line").fetchall() == [("torn",), (None,)]


IDS = {
    "short": ["a1", "a9"],
    "long": ["b" * 16 + "1", "b" * 16 + "2", "b" * 300],
    "odd": ["it's", 'say "so"\n', "k\0k"],
    "beyond": ["~\x7f" * 20, "\x7f" * 20],
    "unlike": ["z1", "zß", "z\U0001f600", "z\uffff"],
}
"""By kind of event, and so by file."""


def test_an_id_is_looked_for_only_in_files_that_may_hold_it(at_hand: LakeAtHand) -> None:
    """By a reader that knows the table from Iceberg's metadata alone."""
    table = at_hand.lake.open(tables.trusted(at_hand.source))
    events = [Event(event_id, "2026-03-01T10:00:00", kind=kind) for kind, ids in IDS.items() for event_id in ids]
    rows = pa.Table.from_pylist([staged_row(event, date(2026, 3, 10), 1, line) for line, event in enumerate(events, 1)], schema=STAGE_SCHEMA)
    at_hand.duck.register("rows", rows)
    table.commit(Change("upkeep"), "test", added=write(at_hand.duck, table, "SELECT *, 2026 AS year, 3 AS month, 1 AS day FROM rows"))

    def looked_in(event_id: str) -> set[str]:
        asked = EqualTo("event_id", event_id)  # type: ignore[call-arg,arg-type] # mypy sees pydantic's fields, not its __init__
        files = [task.file for task in table.iceberg.scan(row_filter=asked).plan_files()]
        return {file.partition[0].removeprefix("account-") for file in files}

    assert len(table.files()) == len(IDS)
    assert {event.event_id: looked_in(event.event_id) for event in events} == {event.event_id: {event.kind, "unlike"} for event in events}
    assert looked_in("a") == looked_in("c") == {"unlike"}


def test_the_metadata_forgets_the_ids_of_a_file_that_is_taken_out(at_hand: LakeAtHand) -> None:
    """Even of the snapshot that took it out: an erased person's event is named by nothing."""
    table = at_hand.lake.open(tables.trusted(at_hand.source))
    event = Event("ada.l@example.org/1", "2026-03-01T10:00:00")
    at_hand.duck.register("rows", pa.Table.from_pylist([staged_row(event, date(2026, 3, 10), 1, 1)], schema=STAGE_SCHEMA))
    table.commit(Change("upkeep"), "test", added=write(at_hand.duck, table, "SELECT *, 2026 AS year, 3 AS month, 1 AS day FROM rows"))
    assert named_by_metadata(at_hand.lake.environment.lake, b"ada.l@")
    table.commit(Change("upkeep"), "test", removed=table.files())
    maintenance.maintain(table, at_hand.duck, "test", timedelta(seconds=-1), table.sequence)
    assert not named_by_metadata(at_hand.lake.environment.lake, b"ada.l@")


def named_by_metadata(lake: Path, text: bytes) -> list[Path]:
    manifests = [*(lake / "trusted").rglob("*.avro")]
    assert manifests
    return [path for path in manifests if any(text in block for block in avro_blocks(BytesIO(path.read_bytes())))]

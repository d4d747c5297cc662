"""What DuckDB writes is what the table declares."""

from event_platform import tables
from event_platform.lake.write import write
from event_platform_tests.conftest import LakeAtHand

LINE = """
    SELECT DATE '2026-03-10' AS landing_date, 'a.json' AS landing_file, 1 AS file_id, 1 AS line_number, 'torn' AS reason, {line} AS line,
        4 AS line_bytes, NULL AS kafka_topic, NULL AS kafka_partition, NULL AS kafka_offset"""


def test_a_column_without_a_value_is_written_with_its_type(at_hand: LakeAtHand) -> None:
    """DuckDB gives a column of bare NULLs no type in Parquet; such a file and one with values would not be read together."""
    table = at_hand.lake.open(tables.quarantine(at_hand.source))
    written = [file for line in ("NULL", "'torn'") for file in write(at_hand.duck, table, LINE.format(line=line))]
    assert at_hand.duck.execute(f"SELECT line FROM ({table.select(written)}) ORDER BY line").fetchall() == [("torn",), (None,)]

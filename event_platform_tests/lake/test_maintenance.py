"""Upkeep takes nothing away that a reader may still have in use."""

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from pyiceberg.table.statistics import StatisticsFile
from pyiceberg.types import IntegerType

from event_platform import tables
from event_platform.lake import maintenance
from event_platform.lake.maintenance import compact, expire, remove_orphans
from event_platform_tests.conftest import Event, LakeAtHand

KEEP, AT_ONCE = timedelta(days=7), timedelta(seconds=-1)


def set_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # the moment is no Clock
            return moment.astimezone(tz)

    monkeypatch.setattr(maintenance, "datetime", Clock)


def test_a_snapshot_is_kept_for_so_long_after_it_was_replaced_however_old_it_was(at_hand: LakeAtHand, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        at_hand.stage([Event(f"{number}", "2026-03-01T12:00:00")])
    table = at_hand.lake.open(tables.stage(at_hand.source))
    in_use = table.select()
    assert compact(table, at_hand.duck, "test") == 4
    replaced_at = datetime.fromtimestamp(table.iceberg.current_snapshot().timestamp_ms / 1000, UTC)  # type: ignore[union-attr] # it has one

    set_clock(monkeypatch, replaced_at + KEEP)
    assert expire(table, KEEP, needed_since=2**62) == 3
    remove_orphans(table)
    assert len(at_hand.duck.execute(in_use).fetchall()) == 4

    set_clock(monkeypatch, replaced_at + KEEP + timedelta(seconds=1))
    assert expire(table, KEEP, needed_since=2**62) == 1
    assert remove_orphans(table)[0] >= 4


def test_a_snapshot_that_somebody_named_is_kept_until_the_name_goes(at_hand: LakeAtHand) -> None:
    for number in range(3):
        at_hand.stage([Event(f"{number}", "2026-03-01T12:00:00")])
    table = at_hand.lake.open(tables.stage(at_hand.source))
    first = min(table.iceberg.snapshots(), key=lambda snapshot: snapshot.sequence_number or 0).snapshot_id
    table.iceberg.manage_snapshots().create_tag(first, "quarter").commit()
    table.refresh()
    assert expire(table, AT_ONCE, needed_since=2**62) == 1
    remove_orphans(table)
    assert table.iceberg.scan(snapshot_id=first).to_arrow().num_rows == 1

    table.iceberg.manage_snapshots().remove_tag("quarter").commit()
    table.refresh()
    assert expire(table, AT_ONCE, needed_since=2**62) == 1


def test_a_table_with_a_column_that_cannot_be_written_is_left_as_it_is(at_hand: LakeAtHand) -> None:
    for number in range(4):
        at_hand.stage([Event(f"{number}", "2026-03-01T12:00:00")])
    table = at_hand.lake.open(tables.stage(at_hand.source))
    with table.iceberg.update_schema() as update:
        update.add_column("of_another_engine", IntegerType())
    table.refresh()
    assert (compact(table, at_hand.duck, "test"), table.rows) == (0, 4)


def test_statistics_that_another_engine_wrote_are_no_orphans(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", "2026-03-01T12:00:00")])
    table = at_hand.lake.open(tables.stage(at_hand.source))
    written = Path(table.iceberg.location()) / "metadata" / "of-trino.stats"
    written.write_bytes(b"PFA1")
    facts = {"statistics-path": str(written), "file-size-in-bytes": 4, "file-footer-size-in-bytes": 0, "blob-metadata": []}
    statistics = StatisticsFile.model_validate({"snapshot-id": table.snapshot_id, **facts})
    table.iceberg.update_statistics().set_statistics(statistics).commit()
    table.refresh()
    remove_orphans(table)
    assert written.exists()

"""Upkeep takes nothing away that a reader may still have in use."""

from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from event_platform import tables
from event_platform.lake import maintenance
from event_platform.lake.maintenance import compact, expire, remove_orphans
from event_platform_tests.conftest import Event, LakeAtHand

KEEP = timedelta(days=7)


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

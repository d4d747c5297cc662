"""What was counted of fates, kept in the home with the snapshots that it was counted in. It may be removed at any time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from event_platform.lake import files
from event_platform.trusted.expiry import first_kept

if TYPE_CHECKING:
    from pathlib import Path

    from event_platform.lake.table import LakeTable


class Fate(NamedTuple):
    """How many staged lines of a landing date are what."""

    trusted: int = 0
    superseded: int = 0
    expired: int = 0


Fates = Mapping[date, Fate]


@dataclass(frozen=True)
class Known:
    """Fates by landing date when the tables had these snapshots (0: none): every line had one, and every trusted line of these dates was staged.

    `state` is what else they hang on: which tables they are of, and what trusted had given up.
    """

    state: tuple[str, str, str]
    stage_snapshot: int
    trusted_snapshot: int
    fates: Fates

    @classmethod
    def now(cls, stage: LakeTable, trusted: LakeTable, fates: Fates) -> Known:
        """These fates, of the tables as they are."""
        return cls(_state(stage, trusted), stage.snapshot_id, trusted.snapshot_id, fates)

    @classmethod
    def nothing(cls, stage: LakeTable, trusted: LakeTable) -> Known:
        """Of the tables before anything was in them."""
        return cls(_state(stage, trusted), 0, 0, {})

    @classmethod
    def read(cls, path: Path) -> Known | None:
        """None when there is nothing, or nothing that can be read."""
        try:
            told = json.loads(path.read_text())
            fates = {date.fromisoformat(day): Fate(*counted) for day, counted in told["fates"].items()}
            return cls(tuple(told["state"]), told["stage_snapshot"], told["trusted_snapshot"], fates)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Whole or not at all; that a disk is full or read-only takes nothing but time from the next who counts."""
        fates = {day.isoformat(): fate for day, fate in self.fates.items()}
        with suppress(OSError):
            files.make_folder(path.parent)
            files.write_whole(path, json.dumps(vars(self) | {"fates": fates}), durable=False)

    def leads_to(self, stage: LakeTable, trusted: LakeTable) -> bool:
        """Whether it is of these tables, and its snapshots are there still, and with them their files."""
        seen_then = ((stage, self.stage_snapshot), (trusted, self.trusted_snapshot))
        return self.state == _state(stage, trusted) and all(snapshot == 0 or table.remembers(snapshot) for table, snapshot in seen_then)


def _state(stage: LakeTable, trusted: LakeTable) -> tuple[str, str, str]:
    return stage.identity, trusted.identity, first_kept(trusted).isoformat()

"""The catalogue: wherever the home lies, and when something is in its way."""

import dataclasses
import sqlite3
from pathlib import Path

import pytest

from event_platform import environment
from event_platform.environment import Environment
from event_platform.errors import TransientError
from event_platform.lake import catalogues, locks
from event_platform.lake.catalog import Lake
from event_platform.lake.schema import Table
from event_platform.sources.contract import Column

NARROW = Table("aggregate", "any", "One row per test.", (Column("a", "long", "Anything"),))


@pytest.mark.parametrize("name", ["50%20off", "what?", "a#b", "sp ace", "ü"])
def test_the_catalogue_may_lie_anywhere(tmp_path: Path, name: str) -> None:
    here = Environment(tmp_path / name)
    identity = Lake(here).open(NARROW).identity
    assert Lake(here).open(NARROW).identity == identity
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.usefixtures("home")
def test_a_column_that_cannot_be_added_for_now_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogues, "SQLITE_BUSY_SECONDS", 0.1)
    lake = Lake(environment.read())
    lake.open(NARROW)
    wider = dataclasses.replace(NARROW, columns=(*NARROW.columns, Column("b", "long", "Anything else")))
    with sqlite3.connect(lake.environment.lake / "catalog.db") as other:
        other.execute("BEGIN IMMEDIATE")  # it can be read, not written
        with pytest.raises(TransientError, match=r"aggregate\.any is as it was"):
            lake.open(wider)
        other.rollback()
    assert lake.open(wider).iceberg.schema().column_names == ["a", "b"]


def test_homes_that_share_a_folder_of_tables_keep_each_other_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or `maintain` of one would remove what another is about to commit."""
    monkeypatch.setattr(locks, "TIMEOUT_SECONDS", 0)
    one, two = (Lake(Environment(tmp_path / home, lake_folder=tmp_path / "lake")) for home in ("one", "two"))
    with one.writing("trusted.payments"), pytest.raises(TransientError, match="being written by another process"), two.writing("trusted.payments"):
        pass
    with two.writing("trusted.payments"):
        pass

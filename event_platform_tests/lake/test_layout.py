"""Tables keep the number of their layout, and those of a newer one are refused in words before anything is read or changed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from event_platform import tables
from event_platform.cli import app
from event_platform.errors import PermanentError
from event_platform.lake.layout import LAYOUT, PROPERTY
from event_platform_tests.conftest import Event, LakeAtHand
from event_platform_tests.pipeline import Pipeline, line

NEWER = str(LAYOUT + 1)


def give_layout(at_hand: LakeAtHand, layout: str | None) -> None:
    """Have the ledger say that it has another layout, or none."""
    made = at_hand.lake.open(tables.ledger(at_hand.source)).iceberg
    with made.transaction() as transaction:
        if layout is None:
            transaction.remove_properties(PROPERTY)
        else:
            transaction.set_properties({PROPERTY: layout})


def test_a_new_table_has_the_present_layout(at_hand: LakeAtHand) -> None:
    at_hand.stage([Event("a", "2026-03-01T12:00:00")])
    assert at_hand.lake.open(tables.stage(at_hand.source)).iceberg.properties[PROPERTY] == str(LAYOUT)


@pytest.mark.parametrize("layout", [None, *map(str, range(LAYOUT + 1))])
def test_earlier_layouts_are_read(at_hand: LakeAtHand, layout: str | None) -> None:
    give_layout(at_hand, layout)
    assert at_hand.lake.open(tables.ledger(at_hand.source)).rows == 0
    assert at_hand.lake.peek(tables.ledger(at_hand.source))


@pytest.mark.parametrize("layout", [NEWER, "later"])
def test_a_newer_layout_is_refused(at_hand: LakeAtHand, layout: str) -> None:
    give_layout(at_hand, layout)
    for look in (at_hand.lake.open, at_hand.lake.peek):
        with pytest.raises(PermanentError, match=f"landing.payments has the layout {layout}, .* Install the newer version"):
            look(tables.ledger(at_hand.source))


def test_commands_refuse_a_newer_layout_in_words_and_take_no_file(home: Path, at_hand: LakeAtHand) -> None:  # noqa: ARG001 - sets the home
    dropped = Pipeline().drop("a.json", [line("a")])
    give_layout(at_hand, NEWER)
    for command in (["status", "payments"], ["sql", "FROM landing.payments"]):
        assert isinstance(CliRunner().invoke(app, command).exception, PermanentError), command
    for command in (["run", "payments"], ["doctor"]):
        told = CliRunner().invoke(app, command)
        assert (told.exit_code, "has the layout" in told.output, "Traceback" in told.output) == (1, True, False), told.output
    assert dropped.exists()

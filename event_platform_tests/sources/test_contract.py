"""A contract that says something of another type than it may is refused where it is written, by the name of what is wrong."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from event_platform.errors import ConfigurationError
from event_platform.sources.contract import Column, Rule, Source, Subject
from event_platform.sources.retention import Retention

COLUMNS = (Column("id", "string", "", nullable=False), Column("at", "timestamp", "", nullable=False), Column("what", "string", ""))


def contract(**fields: Any) -> Source:
    whole: dict[str, Any] = {"name": "things", "title": "", "owner": "team:test", "event_id": "id", "timestamp": "at", "kind": ("what",)}
    return Source(**{**whole, "columns": COLUMNS, **fields})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: contract(kind="what"), r"source 'things' .* `kind` is a list, not 'what': of one, \(…,\) with the comma"),
        (lambda: contract(rules=Rule("odd", "what = 'x'")), r"source 'things' .* `rules` is a list, not Rule.*: of one"),
        (lambda: contract(subjects=Subject("what", ("what",))), r"source 'things' .* `subjects` is a list, not Subject.*: of one"),
        (lambda: contract(retention=(Retention(),)), r"source 'things' .* `retention` takes Retention, not \(Retention"),
        (lambda: contract(first_date="2020-01-01"), r"source 'things' .* `first_date` takes date, not '2020-01-01'"),
        (lambda: contract(columns=(*COLUMNS, "more")), r"source 'things' .* `columns` takes Column, not 'more'"),
        (lambda: Column("size", "string", "", accepted="small"), r"column `size` .* `accepted` is a list, not 'small': of one"),  # type: ignore[arg-type]
        (lambda: Column("size", "long", "", accepted=(1, 2)), r"column `size` .* `accepted` takes str, not 1"),  # type: ignore[arg-type]
        (lambda: Rule("odd", True), r"rule 'odd' .* `broken_if` takes str, not True"),  # type: ignore[arg-type]
        (lambda: Subject("mail", "what"), r"subject 'mail' .* `places` is a list, not 'what': of one"),  # type: ignore[arg-type]
    ],
)
def test_what_has_another_type_is_named(wrong: Callable[[], object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        wrong()


def test_whole_numbers_are_numbers_and_lists_are_lists() -> None:
    made = contract(columns=[*COLUMNS], quarantine_share_warning=1, fresh_within_hours=24, first_date=date(2020, 1, 1))
    assert made.column_names == ("id", "at", "what")

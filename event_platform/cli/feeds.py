"""`event-platform feeds`: which feeds there are."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from event_platform.cli.terminal import show, tell
from event_platform.wording import counted

app = typer.Typer()


class Form(StrEnum):
    """How the list is printed."""

    table = "table"
    json = "json"
    markdown = "markdown"


@app.command()
def feeds(
    form: Annotated[Form, typer.Option("--format", help="How to print.")] = Form.table,
    update: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Put the Markdown between the markers of this document.")] = None,
) -> None:
    """List each feed: format, what identifies an event, its kinds, its tables, who owns it."""
    from event_platform.feeds import all_feeds, markdown, updated

    found = all_feeds()
    if update:
        update.write_text(updated(update.read_text(encoding="utf-8"), markdown(found)), encoding="utf-8")
        tell(f"{update}: {counted(len(found), 'feed')}")
    elif form is Form.json:
        sys.stdout.write(json.dumps([asdict(each) for each in found], indent=2) + "\n")
    elif form is Form.markdown:
        sys.stdout.write(markdown(found))
    else:
        rows = [asdict(each) | {"aggregates": "\n".join(each.aggregates)} for each in found]
        show(list(rows[0]), [tuple(row.values()) for row in rows])

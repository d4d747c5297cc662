"""Access and privacy: erase, trino-rules."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from event_platform import environment
from event_platform.cli.terminal import err, plain, tell
from event_platform.serving.roles import ANALYSTS, PRIVACY, Role
from event_platform.wording import counted

if TYPE_CHECKING:
    from event_platform.erasure.receipt import Receipt

app = typer.Typer()


@app.command()
def erase(
    subject: Annotated[
        str, typer.Option("--subject", metavar="KEY=VALUE", help="Whom to erase, such as username=ada; contracts say which keys there are.")
    ],
    source: Annotated[
        list[str] | None, typer.Option("--source", help="In this source alone; may be given several times.", show_default=False)
    ] = None,
    mentions: Annotated[bool, typer.Option("--mentions", help="Erase records of others too that mention the value.")] = False,
) -> None:
    """Erase a person everywhere, for good, and write a receipt with the proof; exit code 1 if something is left."""
    from event_platform.erasure.erase import erase as erase_everywhere
    from event_platform.erasure.subject import person

    with err.status("erasing …"):
        receipt, path = erase_everywhere(environment.read(), person(subject, source), tell, mentions)
    records = sum(file.records for file in receipt.archive)
    tell(f"erased {counted(records, 'record')} from {counted(len(receipt.archive), 'archived file')}; the receipt is {path}")
    if not receipt.clean:
        _tell_what_is_left(receipt)
        raise typer.Exit(1)
    tell(_proof(receipt))


def _proof(receipt: Receipt) -> str:
    read = receipt.proof["bytes"]
    if not read["looked_for"]:
        return "nothing is left; the value is too short to look for byte by byte, so the proof is that no record and no row has it"
    return f"nothing is left: {counted(read['files'], 'file')} with {counted(read['bytes'], 'byte')} were read for the proof"


def _tell_what_is_left(receipt: Receipt) -> None:
    left = {name: count for name, count in receipt.proof["records_left"].items() if count}
    if left:
        err.print(f"[bold red]Records are left[/] in {plain(', '.join(left))}: give the same command again.", highlight=False)
    if held := receipt.proof["bytes"]["held"]:
        shown = "\n".join(f"  {plain(name)}" for name in held[:20])
        err.print(
            f"[bold red]{counted(len(held), 'file')} still mention the value,[/] in records of others or as a name; the receipt lists all:\n{shown}\n"
            "--mentions erases such records too; files that belong to nobody are yours to delete.",
            highlight=False,
        )


@app.command("trino-rules")
def trino_rules(
    update: Annotated[Path | None, typer.Option("--update", help="Write them to this file instead.")] = None,
    analysts: Annotated[str, typer.Option("--analysts", metavar="REGEX", help="Names of the users who are analysts.")] = ANALYSTS,
    privacy: Annotated[str, typer.Option("--privacy", metavar="REGEX", help="Names of the users who see everything.")] = PRIVACY,
) -> None:
    """Print the rules by which Trino shows each role what it may see; whoever has no other role is a reader."""
    from event_platform.serving.trino_rules import rules

    text = json.dumps(rules({Role.analyst: analysts, Role.privacy: privacy}), indent=2, ensure_ascii=False) + "\n"
    if update is None:
        sys.stdout.write(text)
    else:
        update.write_text(text, encoding="utf-8")

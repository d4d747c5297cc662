"""The page of the commands, from the command line itself."""

import typer.cli
import typer.main

from event_platform import cli

NAME = "event-platform"
INTRODUCTION = """\
# Commands

What `--help` says of each, written from the command line itself (`python -m docs_site`).
[Operating](../operating.md) has them all in one table, and the exit codes.
"""


def page() -> str:
    """The whole page in Markdown."""
    command = typer.main.get_command(cli.app)
    context = typer.Context(command, info_name=NAME)
    with context:
        told = typer.cli.get_docs_for_click(obj=command, ctx=context, name=NAME)
    written = told.removeprefix(f"# `{NAME}`").strip().replace(".*", r".\*")  # landing.* is no emphasis
    return f"{INTRODUCTION}\n{written}\n"

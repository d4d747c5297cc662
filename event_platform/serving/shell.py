"""The interactive shell behind `event-platform sql` without a statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from event_platform import home
from event_platform.errors import UsageError

if TYPE_CHECKING:
    from event_platform.environment import Environment
    from event_platform.serving.sql import Session

WORDS = "select from where group by order having limit count sum avg min max distinct join left using on and or not null as with union all describe"


HELP = ("help", "\\h", "\\?", "?")
LEAVE = ("quit", "exit", "\\q")
"""Words that stand alone on a line, with or without `;`, as other shells know them."""

Show = Callable[[list[str], list[tuple[object, ...]]], None]
Tell = Callable[[str], None]


def interact(session: Session, environment: Environment, show: Show, say: Tell, complain: Tell) -> None:
    """Read queries, each ended by `;`, until `quit` or the end of input; history is kept in the platform's home."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers.sql import SqlLexer

    home.made(environment.home)
    names = [*session.tables, *{column for table in session.tables.values() for column in table.column_names}]
    prompt: PromptSession[str] = PromptSession(
        history=FileHistory(str(environment.home / "sql_history")),
        completer=WordCompleter([*names, *WORDS.split()], ignore_case=True, pattern=None),
        lexer=PygmentsLexer(SqlLexer),
    )
    say("Queries end with ; — help, quit")
    statement = ""
    while True:
        try:
            statement += prompt.prompt("sql> " if not statement else "...> ") + "\n"
        except KeyboardInterrupt:
            statement = ""
            continue
        except EOFError:
            return
        word = statement.strip().rstrip(";").lower()
        if word in LEAVE:
            return
        if word in HELP:
            say(help_text(session))
        elif statement.strip().endswith(";"):
            _answer(session, statement, show, complain)
        elif word:
            continue
        statement = ""


def help_text(session: Session) -> str:
    """What the shell takes, and the tables that can be asked."""
    layers = sorted({table.layer for table in session.tables.values()})
    listed = "\n".join(f"  {layer}: {', '.join(each.short_name for each in session.tables.values() if each.layer == layer)}" for layer in layers)
    return (
        "A query ends with ; and may go over several lines. DESCRIBE trusted.payments; says what the columns of a table are.\n"
        f"Ctrl-C drops what is written; quit, exit, \\q or Ctrl-D leaves.\n\nTables, as layer.table:\n{listed}"
    )


def _answer(session: Session, statement: str, show: Show, complain: Tell) -> None:
    try:
        for query in session.statements(statement):
            show(*session.query(query))
    except UsageError as error:
        complain(str(error))

"""The interactive shell behind `event-platform sql` without a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_platform.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from event_platform.environment import Environment
    from event_platform.serving.sql import Session

WORDS = "select from where group by order having limit count sum avg min max distinct join left using on and or not null as with union all describe"


def interact(
    session: Session, environment: Environment, show: Callable[[list[str], list[tuple[object, ...]]], None], complain: Callable[[str], None]
) -> None:
    """Read statements, each ended by `;`, until end of input; history is kept in the platform's home."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers.sql import SqlLexer

    environment.home.mkdir(parents=True, exist_ok=True)
    names = [*session.tables, *{column for table in session.tables.values() for column in table.column_names}]
    prompt: PromptSession[str] = PromptSession(
        history=FileHistory(str(environment.home / "sql_history")),
        completer=WordCompleter([*names, *WORDS.split()], ignore_case=True, pattern=None),
        lexer=PygmentsLexer(SqlLexer),
    )
    statement = ""
    while True:
        try:
            statement += prompt.prompt("sql> " if not statement else "...> ") + "\n"
        except KeyboardInterrupt:
            statement = ""
            continue
        except EOFError:
            return
        if not statement.strip().endswith(";"):
            continue
        try:
            show(*session.query(statement))
        except UsageError as error:
            complain(str(error))
        statement = ""

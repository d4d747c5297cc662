"""Which pages of docs/ a program writes."""

from collections.abc import Callable

from docs_site import commands, settings
from event_platform.environment import CHECKOUT

DOCS = CHECKOUT / "docs"

WRITTEN: dict[str, Callable[[], str]] = {"reference/settings.md": settings.page, "reference/cli.md": commands.page}
"""Each of them, by its path in docs/, with what gives its text."""


def stale() -> list[str]:
    """Those that do not say what the program says now."""
    return [name for name, page in WRITTEN.items() if not (DOCS / name).exists() or (DOCS / name).read_text(encoding="utf-8") != page()]


def write(name: str) -> None:
    """Write a page anew."""
    (DOCS / name).write_text(WRITTEN[name](), encoding="utf-8")

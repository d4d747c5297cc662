"""Whom to erase: `KEY=VALUE`, a key that contracts declare."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from event_platform import sources
from event_platform.errors import UsageError
from event_platform.records.mentions import Mention

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from event_platform.sources.contract import Source


@dataclass(frozen=True)
class Person:
    """A person as the command line names them, and the sources whose records may tell of them."""

    key: str
    value: str = field(repr=False)
    sources: tuple[Source, ...]

    @property
    def mention(self) -> Mention:
        """The value, to be looked for as a word."""
        return Mention(self.value)


def person(subject: str, names: Sequence[str] | None = None) -> Person:
    """Read `KEY=VALUE`, for the named sources (default: all that know the key).

    Raises UsageError with the keys there are; it never quotes the value.
    """
    key, equals, value = subject.partition("=")
    key, value = key.strip(), value.strip()
    if not equals or not value:
        raise UsageError(f"--subject wants KEY=VALUE, such as username=ada. {_keys(sources.all_sources().values())}")
    chosen = [sources.get(name) for name in names] if names else list(sources.all_sources().values())
    knowing = tuple(_of(source, key) for source in chosen if key in _keys_of(source))
    if not knowing:
        close = get_close_matches(key, {each for source in chosen for each in _keys_of(source)}, n=1)
        meant = f" Did you mean `{close[0]}`?" if close else ""
        raise UsageError(f"No contract{' of these sources' if names else ''} says that `{key}` identifies a person.{meant} {_keys(chosen)}")
    if names and (others := [source.name for source in chosen if key not in _keys_of(source)]):
        raise UsageError(f"`{key}` does not identify a person in {', '.join(others)}; leave it out. {_keys(chosen)} Nothing was erased.")
    return Person(key, value, knowing)


def _of(source: Source, key: str) -> Source:
    """The source, its subjects those of the key alone."""
    return replace(source, subjects=tuple(subject for subject in source.subjects if subject.key == key))


def _keys_of(source: Source) -> set[str]:
    return {subject.key for subject in source.subjects}


def _keys(chosen: Iterable[Source]) -> str:
    known = "; ".join(f"{source.name}: {', '.join(sorted(_keys_of(source)))}" for source in chosen if source.subjects)
    return f"Keys there are: {known or 'none'}."

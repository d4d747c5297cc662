"""How a setting is declared: once, as the field of a dataclass that holds it. Reading it and the page of the reference follow from that."""

import os
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What may be written into a variable.

    `written` says it in words, with the unit. `read` takes the variable's name and its text (of a family: its prefix, and the texts by the rest of
    their names) and gives the value, or raises ConfigurationError; `show` writes a value as one would.
    """

    written: str
    read: Callable[[str, Any], T]
    show: Callable[[Any], str] = str


@dataclass(frozen=True)
class Setting:
    """One environment variable, or with `<…>` at the end of its name all that begin so; in Markdown, what it means and what holds without it."""

    name: str
    kind: Kind[Any]
    meaning: str
    unset: str
    default: Any
    secret: bool

    @property
    def prefix(self) -> str:
        """The name, or what the names of a family begin with."""
        return self.name.partition("<")[0]

    def is_filled_by(self, variable: str) -> bool:
        """Whether the variable is this setting, or of this family."""
        return variable == self.name if self.prefix == self.name else variable.startswith(self.prefix)

    def value(self) -> Any:  # noqa: ANN401 - of the field's type
        """What the environment says, else the default; ConfigurationError naming a variable that cannot be used."""
        if self.prefix != self.name:
            return self.kind.read(self.prefix, all_after(self.prefix))
        text = os.environ.get(self.name)
        return self.kind.read(self.name, text) if text else self.default


@overload
def setting(name: str, kind: Kind[T], meaning: str = "", *, unset: str = "", secret: bool = False) -> T: ...


@overload
def setting(name: str, kind: Kind[T], meaning: str = "", *, default: D, unset: str = "", secret: bool = False) -> T | D: ...


def setting(name: str, kind: Kind[Any], meaning: str = "", *, default: Any = MISSING, unset: str = "", secret: bool = False) -> Any:
    """Declare a field that a variable fills.

    `unset` says in words what holds without it, where the default does not say that itself. A secret is left out where the dataclass is
    shown. A variable that fills two fields has its meaning at the first.
    """
    words = unset or ("not set" if default is None or default is MISSING else f"`{kind.show(default)}`")
    declared = Setting(name, kind, meaning, words, None if default is MISSING else default, secret)
    if isinstance(default, dict):
        return field(default_factory=default.copy, repr=not secret, metadata={"setting": declared})
    return field(default=default, repr=not secret, metadata={"setting": declared})


@cache
def declared_in(group: type) -> dict[str, Setting]:
    """The settings of a dataclass, by field; those it inherits first."""
    return {each.name: each.metadata["setting"] for each in fields(group) if "setting" in each.metadata}


def values(group: type) -> dict[str, Any]:
    """What the environment says for each setting of a dataclass, by field."""
    return {name: declared.value() for name, declared in declared_in(group).items()}


def all_after(prefix: str) -> dict[str, str]:
    """The variables that begin so, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in sorted(os.environ.items()) if name.startswith(prefix)}

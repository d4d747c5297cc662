"""One contract per feed: each module here that defines `SOURCE` is a feed, and nothing else need be told."""

import importlib
import importlib.util
import pkgutil
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType

from event_platform import environment
from event_platform.errors import ConfigurationError, UsageError
from event_platform.sources.contract import Source


@cache
def all_sources() -> dict[str, Source]:
    """The examples and every contract of the user's own (`environment.extra_sources`), by name; ConfigurationError if one is given twice."""
    found = examples()
    for module in _extra(environment.extra_sources()):
        source = getattr(module, "SOURCE", None)
        if not isinstance(source, Source):
            raise ConfigurationError(f"{module.__file__} has no SOURCE = Source(…); declare one, or begin the file's name with _.")
        if source.name in found:
            raise ConfigurationError(f"Two contracts are named {source.name!r}; the second is {module.__file__}. Rename one.")
        found[source.name] = source
    return found


def examples() -> dict[str, Source]:
    """The contracts of this folder, by name; none in a project that does without them (`environment.examples`)."""
    found = (getattr(module, "SOURCE", None) for module in _shipped()) if environment.examples() else ()
    return {source.name: source for source in found if isinstance(source, Source)}


def is_example(source: Source, name: str) -> bool:
    """Whether a source is the contract of this folder of that name, not another's that is named alike."""
    return source.name == name and name in examples()


def require_example(name: str, what: str) -> Source:
    """The contract of this folder of that name; UsageError saying how to have it if the project does without, where `what` needs it."""
    try:
        return examples()[name]
    except KeyError:
        raise UsageError(
            f"{what} needs the feed {name} that comes with the platform, and this project does without such feeds. Set EVENT_PLATFORM_EXAMPLES=1 "
            "to have them for once, or say `examples = true` in event-platform.toml."
        ) from None


def get(name: str) -> Source:
    """The contract of that name; UsageError with the names there are."""
    try:
        return all_sources()[name]
    except KeyError:
        known = ", ".join(sorted(all_sources())) or "none"
        raise UsageError(
            f"There is no source {name!r}. Known sources: {known}. A new one is one file in sources/ of a project (`event-platform init`), "
            "in event_platform/sources/ of a checkout, or in a folder that EVENT_PLATFORM_SOURCES names."
        ) from None


def _shipped() -> list[ModuleType]:
    return [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__) if info.name != "contract"]


def _extra(folder: Path | None) -> list[ModuleType]:
    if folder is None:
        return []
    if not folder.is_dir():
        raise ConfigurationError(f"EVENT_PLATFORM_SOURCES is {folder}, which is not a folder; unset it or create the folder.")
    return [_load(path) for path in sorted(folder.glob("[!_]*.py"))]


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"event_platform_extra_sources.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path} cannot be loaded as a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}, line {_line_in(path, error)}: {error}") from error
    except Exception as error:
        line = error.lineno if isinstance(error, SyntaxError) else _line_in(path, error)
        raise ConfigurationError(f"The contract {path}, line {line}, cannot be loaded: {error}. Mend it, or take it out of the folder.") from error
    return module


def _line_in(path: Path, error: Exception) -> int:
    """The last line of the file that the error passed through."""
    frames = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return frames[-1] if frames else 1

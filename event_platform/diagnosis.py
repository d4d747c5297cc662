"""`event-platform doctor`: what is wrong with the configuration and the machine, and how to mend it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from event_platform import environment, sources
from event_platform.errors import PlatformError
from event_platform.lake import catalogues, faults
from event_platform.lake.catalog import Lake
from event_platform.lake.files import explained
from event_platform.wording import counted

FREE_BYTES_WANTED = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `way_out` says what to do when it is not ok."""

    ok: bool
    what: str
    way_out: str = ""


def diagnose() -> list[Finding]:
    """Look at everything; a look that fails is itself a finding."""
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (_settings, _home, _disk, _contracts, _catalogue, _tables, _instance, _landing, _alerts)
    findings: list[Finding] = []
    for look in looks:
        try:
            with explained("Looking into the home"):
                findings += look()
        except PlatformError as error:
            if str(error) not in (finding.way_out for finding in findings):  # said once, if several looks meet it
                findings.append(Finding(False, look.__name__.strip("_"), str(error)))
    return findings


def _settings() -> Iterator[Finding]:
    here = environment.read()
    yield Finding(True, f"home is {here.home}")


def _home() -> Iterator[Finding]:
    """By trying: rights alone do not tell of a file system that is read-only."""
    here = environment.read()
    folder = _existing(here.home)
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise environment.unwritable(here.home, error) from error
    else:
        yield Finding(True, f"{folder} can be written")


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(_existing(environment.read().home)).free
    way_out = "Make room, run `event-platform maintain`, or set EVENT_PLATFORM_HOME to a larger disk."
    yield Finding(free > FREE_BYTES_WANTED, f"{free / 1024**3:.1f} GiB free on the disk of the home", way_out)


def _contracts() -> Iterator[Finding]:
    from event_platform.engines.duckdb import connect
    from event_platform.soundness import faults

    found = sources.all_sources().values()
    yield Finding(True, f"contracts: {', '.join(source.name for source in found)}")
    with connect(environment.read()) as duck:
        for source in found:
            for fault in faults(source, duck):
                yield Finding(False, f"the contract of {source.name}: {fault}", "Mend the contract; nothing of the source is claimed until then.")


def _tables() -> Iterator[Finding]:
    """Whether the tables that are there can be used as they are declared now."""
    from event_platform.lake.catalog import Lake
    from event_platform.lake.schema import changed_types
    from event_platform.serving.sql import declared_tables

    lake = Lake(environment.read())
    there = [table for table in declared_tables() if lake.exists(table)]
    for table in there:
        for conflict in changed_types(table, lake.catalog.load_table(table.name).schema()):
            way_out = "Give the column the type that the table has, and what is of another type a column of another name."
            yield Finding(False, f"{table.name}: {conflict}", way_out)
    yield Finding(True, f"{counted(len(there), 'table')} compared with their declarations")


def _catalogue() -> Iterator[Finding]:
    here = environment.read()
    if not catalogues.is_embedded(here):
        with faults.explained("the lake"):
            layers = Lake(here).catalog.list_namespaces()
        yield Finding(True, f"the catalogue {catalogues.shown(here)} answers and has {counted(len(layers), 'layer')}")
        return
    import sqlite3

    path = here.lake / "catalog.db"
    if not path.exists():
        yield Finding(True, "no catalogue yet; the first run makes it")
        return
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as connection:
            (tables,) = connection.execute("SELECT count(*) FROM iceberg_tables").fetchone()
        yield Finding(True, f"the catalogue names {counted(tables, 'table')}")
    except sqlite3.Error as error:
        yield Finding(
            False, f"the catalogue {path} cannot be read ({error})", "If another program holds it, end that; else restore the file from a backup."
        )


def _instance() -> Iterator[Finding]:
    from event_platform.instance import open_instance

    with open_instance() as instance:
        yield Finding(True, f"Dagster keeps {counted(instance.get_runs_count(), 'run')} in {environment.read().dagster}")


def _landing() -> Iterator[Finding]:
    from event_platform.landing import queue

    here = environment.read()
    for source in sources.all_sources().values():
        found = queue.pending(here, source)
        yield Finding(True, f"{source.name}: {counted(len(found.ready) + len(found.settling), 'file')} pending")
        for refused in found.refused:
            yield Finding(
                False,
                f"{source.name}: {refused.path.name} in pending/ is not taken: {refused.why}",
                "Replace it by a regular file that can be read, or remove it.",
            )


def _alerts() -> Iterator[Finding]:
    from event_platform.alerts import configuration

    here = environment.read()
    if not configuration.is_configured(here):
        yield Finding(True, "no alerts are configured")
        return
    wanted = configuration.read(here.alerts)
    yield Finding(True, f"alerts: {counted(len(wanted.rules), 'rule')}, {counted(len(wanted.recipients), 'recipient')}")
    for name, recipient in wanted.recipients.items():
        is_set = environment.is_set(recipient.address_from)
        yield Finding(is_set, f"the address of {name} is in {recipient.address_from}", "Set the variable where the platform runs.")


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder

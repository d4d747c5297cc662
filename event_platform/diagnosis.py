"""`event-platform doctor`: what is wrong with the configuration and the machine, and how to mend it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from event_platform import dead_runs, environment, home, sources, tables
from event_platform.aggregate import all_aggregates
from event_platform.errors import ConfigurationError, PlatformError, TransientError
from event_platform.lake import catalogues, faults
from event_platform.lake.catalog import Lake
from event_platform.lake.files import explained
from event_platform.wording import counted

if TYPE_CHECKING:
    from event_platform.sources.contract import Source

FREE_BYTES_WANTED = 2 * 1024**3
CLAIM_MAY_TAKE = timedelta(hours=1)


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `way_out` says what to do when it is not ok."""

    ok: bool
    what: str
    way_out: str = ""


def diagnose() -> list[Finding]:
    """Look at everything; a look that fails is itself a finding."""
    looks: tuple[Callable[[], Iterator[Finding]], ...]
    looks = (
        _settings,
        _contracts,
        _engines,
        _home,
        _disk,
        _lake,
        _catalogue,
        _tables,
        _instance,
        _landing,
        _alerts,
        _kafka,
        _registry,
        _streams,
        _unknown,
    )
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


def _unknown() -> Iterator[Finding]:
    """Variables that look like settings and are none; alerts.toml and collector.toml may name variables of any name."""
    named = _named_by_files(environment.read())
    for name, meant in environment.unknown().items():
        if name not in named:
            way_out = f"Did you mean {meant}? " if meant else ""
            yield Finding(False, f"{name} is set, which is no setting", f"{way_out}It changes nothing: correct its name, or unset it.")


def _named_by_files(here: environment.Environment) -> set[str]:
    """The variables in which the recipients' addresses and the collector's keys are."""
    from event_platform.alerts import configuration as alerts
    from event_platform.realtime import configuration as collector

    recipients = alerts.read(here.alerts).recipients.values() if alerts.is_configured(here) else ()
    keys = collector.read(here).keys.values() if here.collector.exists() else ()
    return {each.address_from for each in recipients} | {key.secret_from for key in keys}


def _engines() -> Iterator[Finding]:
    engines = environment.read().engines
    yield Finding(
        True, f"tables are computed by {', '.join([engines.default, *(f'{name}={engine}' for name, engine in engines.exceptions.items())])}"
    )
    if "spark" in (engines.default, *engines.exceptions.values()):
        lacking = [name for name in ("pyspark", "dagster_pyspark", "sqlglot") if find_spec(name) is None]
        yield Finding(not lacking, f"Spark's packages: {', '.join(lacking) or 'none'} missing", "pip install 'event-platform[spark]'")
        yield Finding(True, f"Java is {environment.require_java()}")
    require_known_tables()


def require_known_tables() -> None:
    """Raise ConfigurationError when an engine is chosen for a table that there is not."""
    for table in sorted(environment.read().engines.exceptions.keys() - _computed_tables()):
        raise ConfigurationError(f"EVENT_PLATFORM_ENGINE names {table}, which is no table. Correct the name, or leave it out.")


def _computed_tables() -> set[str]:
    """The tables an engine can be chosen for."""
    of_sources = (declare(source) for source in sources.all_sources().values() for declare in (tables.stage, tables.trusted))
    return {table.name for table in (*of_sources, *(aggregate.table for aggregate in all_aggregates()))}


def _home() -> Iterator[Finding]:
    """By trying: rights alone do not tell of a file system that is read-only."""
    here = environment.read()
    folder = _existing(here.home)
    with home.written(here.home):
        tempfile.TemporaryFile(dir=folder).close()
    yield Finding(True, f"{folder} can be written")


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(_existing(environment.read().home)).free
    way_out = "Make room, run `event-platform maintain`, or set EVENT_PLATFORM_HOME to a larger disk."
    yield Finding(free > FREE_BYTES_WANTED, f"{free / 1024**3:.1f} GiB free on the disk of the home", way_out)


def _lake() -> Iterator[Finding]:
    from event_platform.lake.storage import is_remote, probe

    here = environment.read()
    where = here.lake_url or str(here.lake)
    if is_remote(where):
        probe(where)
        yield Finding(True, f"the lake {where} can be listed, written and deleted from")
        yield Finding(True, f"at most about {here.cache_bytes / 1024**3:.0f} GiB of it are kept in {here.cache}")
    elif here.lake_folder:
        with explained(f"Writing to the lake {where}"):
            tempfile.TemporaryFile(dir=_existing(here.lake_folder)).close()
        yield Finding(True, f"the lake {where} can be written")


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
    from event_platform.lake.layout import require_known_layout
    from event_platform.lake.schema import changed_types
    from event_platform.serving.sql import declared_tables

    lake = Lake(environment.read())
    there = [table for table in declared_tables() if lake.exists(table)]
    for table in there:
        loaded = lake.catalog.load_table(table.name)
        require_known_layout(table.name, loaded.properties)
        for conflict in changed_types(table, loaded.schema()):
            way_out = "Give the column the type that the table has, and what is of another type a column of another name."
            yield Finding(False, f"{table.name}: {conflict}", way_out)
    yield Finding(True, f"{counted(len(there), 'table')} compared with their declarations")
    trusted = lake.catalog.list_tables("trusted") if ("trusted",) in lake.catalog.list_namespaces() else []
    for name in sorted({name for _, name in trusted} - sources.all_sources().keys()):
        way_out = (
            "Set EVENT_PLATFORM_SOURCES to the folder with its contract, or EVENT_PLATFORM_EXAMPLES=1 if it comes with the platform; until then "
            "its files are not taken, and `status` does not count it."
        )
        yield Finding(False, f"trusted.{name} is the table of a source that has no contract here", way_out)


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
        for run_id in dead_runs.fail_dead(instance):
            yield Finding(True, dead_runs.told(run_id))
        yield Finding(True, f"Dagster keeps {counted(instance.get_runs_count(), 'run')} in {environment.read().dagster}")


def _landing() -> Iterator[Finding]:
    from event_platform.landing import queue

    here = environment.read()
    for source in sources.all_sources().values():
        found = queue.pending(here, source)
        yield Finding(True, f"{source.name}: {counted(len(found.ready) + len(found.settling), 'file')} pending")
        yield from _claim_under_way(here, source)
        for refused in found.refused:
            yield Finding(
                False,
                f"{source.name}: {refused.path.name} in pending/ is not taken: {refused.why}",
                "Replace it by a regular file that can be read, or remove it.",
            )


def _claim_under_way(here: environment.Environment, source: Source) -> Iterator[Finding]:
    from event_platform.landing.object_queue import ObjectQueue

    queue = ObjectQueue(here, source) if here.lake_url else None
    claim = queue.under_way() if queue else None
    if queue and claim:
        yield Finding(
            datetime.fromisoformat(claim.since) > datetime.now(UTC) - CLAIM_MAY_TAKE,
            f"{source.name}: {len(claim.files)} files are being claimed since {claim.since}",
            f"`event-platform run {source.name}` finishes a claim of this platform that died. If the claim is of another platform, which is gone for "
            f"good, move the files that {queue.claim_url} names back to pending/ and delete it.",
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


def _kafka() -> Iterator[Finding]:
    from event_platform.realtime.kafka import client

    here = environment.read()
    if here.kafka:
        yield _answered(f"Kafka at {here.kafka.bootstrap_servers}", "EVENT_PLATFORM_KAFKA", "topic", lambda: client.topics_of(here))


def _registry() -> Iterator[Finding]:
    from event_platform.realtime.kafka.registry import Registry, without_password

    here = environment.read()
    if here.kafka and here.kafka.registry:
        where = f"the schema registry at {without_password(here.kafka.registry)}"
        yield _answered(where, "EVENT_PLATFORM_SCHEMA_REGISTRY", "subject", lambda: Registry(here).subjects())


def _answered(what: str, named_by: str, kept: str, ask: Callable[[], Sized]) -> Finding:
    """What is found when a server is asked how many things it keeps."""
    try:
        there = ask()
    except TransientError as error:
        return Finding(False, f"{what} cannot be reached", f"{error} Start it where it is not running, or correct {named_by}.")
    except PlatformError as error:
        return Finding(False, f"{what} cannot be used", str(error))
    return Finding(True, f"{what} answers and has {counted(len(there), kept)}")


def _streams() -> Iterator[Finding]:
    from event_platform.realtime.windows import heartbeat

    if beat := heartbeat.read(environment.read()):
        yield Finding(not beat.is_dead, f"clickstream: {beat.told}", beat.way_out)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder

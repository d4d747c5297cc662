"""`event-platform doctor`: what is wrong with the configuration and the machine, and how to mend it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from event_platform import environment, sources
from event_platform.errors import PlatformError

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
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (_settings, _home, _disk, _lake, _contracts, _catalogue, _instance, _landing, _alerts)
    findings: list[Finding] = []
    for look in looks:
        try:
            findings += look()
        except PlatformError as error:
            findings.append(Finding(False, look.__name__.strip("_"), str(error)))
    return findings


def _settings() -> Iterator[Finding]:
    here = environment.read()
    yield Finding(True, f"home is {here.home}")


def _home() -> Iterator[Finding]:
    folder = _existing(environment.read().home)
    writable = os.access(folder, os.W_OK)
    yield Finding(writable, f"{folder} can be written", "Give yourself the right to write there, or set EVENT_PLATFORM_HOME to another folder.")


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
        yield Finding(True, f"at most about {here.cache_bytes / 1024**3:.0f} GiB of it are kept in {here.scratch / 'cache'}")
    elif here.lake_folder:
        folder = _existing(here.lake_folder)
        yield Finding(os.access(folder, os.W_OK), f"the lake {where} can be written", "Give yourself the right to, or set EVENT_PLATFORM_LAKE.")


def _contracts() -> Iterator[Finding]:
    yield Finding(True, f"contracts: {', '.join(sources.all_sources())}")


def _catalogue() -> Iterator[Finding]:
    import sqlite3

    path = environment.read().lake / "catalog.db"
    if not path.exists():
        yield Finding(True, "no catalogue yet; the first run makes it")
        return
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as connection:
            (tables,) = connection.execute("SELECT count(*) FROM iceberg_tables").fetchone()
        yield Finding(True, f"the catalogue names {tables} tables")
    except sqlite3.Error as error:
        yield Finding(
            False, f"the catalogue {path} cannot be read ({error})", "If another program holds it, end that; else restore the file from a backup."
        )


def _instance() -> Iterator[Finding]:
    from event_platform.instance import open_instance

    with open_instance() as instance:
        yield Finding(True, f"Dagster keeps {instance.get_runs_count()} runs in {environment.read().dagster}")


def _landing() -> Iterator[Finding]:
    from event_platform.landing import queue

    here = environment.read()
    for source in sources.all_sources().values():
        found = queue.pending(here, source)
        yield Finding(True, f"{source.name}: {len(found.ready) + len(found.settling)} files pending")
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
    yield Finding(True, f"alerts: {len(wanted.rules)} rules, {len(wanted.recipients)} recipients")
    for name, recipient in wanted.recipients.items():
        is_set = environment.is_set(recipient.address_from)
        yield Finding(is_set, f"the address of {name} is in {recipient.address_from}", "Set the variable where the platform runs.")


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder

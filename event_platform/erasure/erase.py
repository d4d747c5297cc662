"""Erasing a person, step by step. Each step may be done again, and finds what is left to do in the lake itself.

1. What is pending is processed, so that nothing is on its way.
2. The person is put on the suppression list; from then on no run brings them back.
3. The archive and the tables are searched.
4. Landing dates that hold the person are marked to be parsed anew, and archived files are replaced by ones without the person's records.
5. A run, as any other, parses these dates anew and brings trusted and the aggregates up to date, with all checks.
6. All older snapshots are forgotten and their files deleted.
7. Tables loaded into PostgreSQL and Redshift are loaded again; Dagster's own records are cleaned.
8. Everything is read again, byte by byte, for the proof.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from event_platform import sources, tables, upkeep
from event_platform.engines.duckdb import connect
from event_platform.erasure import dagster_places, dagster_postgres, dagster_records, loaded, proof, receipt, redshift, search, streamed, topics
from event_platform.errors import PermanentError, UsageError
from event_platform.instance import open_instance
from event_platform.lake.catalog import Lake
from event_platform.landing import ledger
from event_platform.landing.expiry import archived_files
from event_platform.runs import process_pending
from event_platform.stage import seen
from event_platform.stage.staging import note_reparse, noted_dates
from event_platform.stage.taking_out import Wanted, find, take_out
from event_platform.suppression import Suppression
from event_platform.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import dagster as dg
    import duckdb

    from event_platform.environment import Environment
    from event_platform.erasure.dagster_places import DagsterPlaces
    from event_platform.erasure.receipt import Receipt
    from event_platform.erasure.subject import Person
    from event_platform.landing.ledger import LandedFile
    from event_platform.sources.contract import Source
    from event_platform.stage.taking_out import Places

RUN_ID = "erase"
AT_ONCE = timedelta(seconds=-1)
"""Snapshots replaced up to now are forgotten, this very moment included."""


def erase(environment: Environment, person: Person, tell: Callable[[str], None], in_others: bool = False) -> tuple[Receipt, Path]:
    """Erase the person everywhere; with `in_others` also the records of others that mention the value. The receipt, and where it is kept.

    Given again it goes on where it stopped, or finds nothing left and says so. Raises UsageError when no record was ever there or the stream runs
    that counts such records, and PermanentError when a run fails.
    """
    if in_others and not person.mention.is_telling:
        raise UsageError("The value is too short to look for in the records of others: it stands in many by chance. Leave --mentions out.")
    lake, hashed = Lake(environment), Suppression.of(environment).hash(person.key, person.value)
    written, path = receipt.begin(environment.privacy / "receipts", person.key, hashed, [source.name for source in person.sources])
    written.attempts += 1
    there = [source for source in person.sources if lake.exists(tables.ledger(source))]
    with connect(environment) as duck, open_instance() as instance, streamed.standing_still(lake, there):
        of_dagster = dagster_places.places_of(environment, instance)
        _process(lake, there, instance, tell)
        _erase_from_lake(lake, duck, there, person, Wanted(person.mention, in_others), written, path, tell)
        _process(lake, there, instance, tell)
        _delete_physically(lake, duck, there, written, tell)
        receipt.keep(written, path)
        written.loads = loaded.load_again(lake, duck, there, person, tell)
        written.loads += redshift.load_again(lake, duck, loaded.tables_of(there), person, tell)
        written.dagster = dagster_records.clean(of_dagster, person.mention, tell) | dagster_postgres.clean(instance, person.mention, tell)
        written.deleted["scratch"] = _empty_scratch(lake, duck, there, person)
        written.not_searched = _not_searched(environment, there, of_dagster, tell)
        _prove(lake, duck, instance, of_dagster, there, person, written, tell)
    written.finished_at = datetime.now(UTC).isoformat(timespec="seconds")
    receipt.keep(written, path)
    return written, path


def _process(lake: Lake, there: list[Source], instance: dg.DagsterInstance, tell: Callable[[str], None]) -> None:
    for source in there:
        for outcome in process_pending(lake, sources.get(source.name), instance, tell):
            if not outcome.ok:
                raise PermanentError(
                    f"The run {outcome.run_id[:8]} of {source.name} failed: {'; '.join(outcome.failures)}. Nobody is erased before it passes; "
                    "mend what it says, then give the same command again."
                )


def _erase_from_lake(
    lake: Lake,
    duck: duckdb.DuckDBPyConnection,
    there: list[Source],
    person: Person,
    wanted: Wanted,
    written: Receipt,
    path: Path,
    tell: Callable[[str], None],
) -> None:
    suppression = Suppression.of(lake.environment)
    new = [source for source in person.sources if suppression.add(source, written.subject_hash)]
    for source in there:
        with lake.writing(f"stage.{source.name}"):
            files, places = _search(lake, duck, source, wanted, written, tell)
            receipt.keep(written, path)
            _take_out(lake, duck, source, files, places, wanted)
            search.drop_unarchived(lake, duck, source)
            streamed.erase_streamed(lake, duck, source, written, tell)
    if len(new) == len(person.sources) and not written.archive and not any(table.rows_before for table in written.tables):
        for source in new:
            suppression.remove(source, written.subject_hash)
        path.unlink(missing_ok=True)
        looked_in = ", ".join(source.name for source in person.sources)
        raise UsageError(
            f"No record in {looked_in} has this value of `{person.key}`, letter by letter. "
            "Nothing was erased, and nobody was suppressed; look at its spelling."
        )


def _search(
    lake: Lake, duck: duckdb.DuckDBPyConnection, source: Source, wanted: Wanted, written: Receipt, tell: Callable[[str], None]
) -> tuple[list[LandedFile], Places]:
    """Look through the archive and the tables, and note what is found."""
    untaken = ledger.first_untaken(lake, source, lake.open(tables.stage(source)))
    files = archived_files(lake, source, duck, f"file_id < {untaken}")
    tell(f"{source.name}: looking through {counted(len(files), 'archived file')}, {counted(sum(file.records for file in files), 'record')}")
    places = find(lake, source, duck, files, wanted)
    for file in files:
        if file.file_id in places:
            written.note_file(source.name, file.landing_file, len(places[file.file_id]), file.sha256)
    written.searched[source.name] = {"archived_files": len(files), "records": sum(file.records for file in files)}
    rows = search.note(duck, lake, source, places, written)
    lines = counted(sum(map(len, places.values())), "line")
    in_tables = "".join(f", {count:,} of {name}" for name, count in rows.items())
    tell(f"{source.name}: found in {lines} of {counted(len(places), 'file')}{in_tables}")
    return files, places


def _take_out(lake: Lake, duck: duckdb.DuckDBPyConnection, source: Source, files: list[LandedFile], places: Places, wanted: Wanted) -> None:
    """Mark the landing dates first, so that any run finishes what is begun here; then replace the files."""
    touched = [file for file in files if file.file_id in places]
    dates = search.dates_to_parse(duck, lake, source, frozenset(file.landing_date for file in touched))
    if dates:
        stage = lake.open(tables.stage(source))
        note_reparse(stage, dates | noted_dates(stage), RUN_ID)
        take_out(lake, source, duck, touched, RUN_ID, wanted)


def _delete_physically(lake: Lake, duck: duckdb.DuckDBPyConnection, there: list[Source], written: Receipt, tell: Callable[[str], None]) -> None:
    for source in there:
        seen.forget_the_gone(lake, source, duck, RUN_ID)
        done = list(upkeep.maintain_source(lake, sources.get(source.name), duck, AT_ONCE))
        written.deleted[source.name] = [asdict(each) for each in done]
        snapshots, removed = sum(each.expired_snapshots for each in done), sum(each.removed_files for each in done)
        tell(f"{source.name}: {counted(snapshots, 'snapshot')} forgotten, {counted(removed, 'file')} deleted")
        hashes = {file.landing_file: file.sha256 for file in ledger.read(lake, source, duck)}
        for file in (file for file in written.archive if file.source == source.name):
            file.sha256_after = hashes.get(file.landing_file)


def _empty_scratch(lake: Lake, duck: duckdb.DuckDBPyConnection, there: list[Source], person: Person) -> int:
    with ExitStack() as locks:
        for source in there:
            locks.enter_context(lake.writing(f"stage.{source.name}"))
        return proof.empty_scratch(lake.environment, duck, person.mention)


def _not_searched(environment: Environment, there: list[Source], of_dagster: DagsterPlaces, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    found = topics.not_searched(environment, there)
    if of_dagster.unknown:
        way_out = "Look through it for the value, and delete the logs that hold it."
        found.append({"place": f"what runs printed, kept by {of_dagster.unknown}", "kept": "not known", "way_out": way_out})
    for each in found:
        tell(f"not searched: {each['place']} (kept: {each['kept']}). {each['way_out']}")
    return found


def _prove(
    lake: Lake,
    duck: duckdb.DuckDBPyConnection,
    instance: dg.DagsterInstance,
    of_dagster: DagsterPlaces,
    there: list[Source],
    person: Person,
    written: Receipt,
    tell: Callable[[str], None],
) -> None:
    tell("reading everything again for the proof")
    left: dict[str, int] = {}
    for source in there:
        with lake.writing(f"stage.{source.name}"):
            untaken = ledger.first_untaken(lake, source, lake.open(tables.stage(source)))
            places = find(lake, source, duck, archived_files(lake, source, duck, f"file_id < {untaken}"))
        left[f"archive of {source.name}"] = sum(map(len, places.values()))
        for declared, condition in search.conditions(source, places):
            if lake.exists(declared):
                left[declared.name] = search.rows(duck, lake.open(declared), condition)
    for table in written.tables:
        table.rows_after = left.get(table.table)
    left |= {f"{each['server']} {each['name']}": each["rows_after"] for each in written.loads}
    left["Dagster in PostgreSQL"] = dagster_postgres.count(instance, person.mention)
    scanned = proof.scan(lake, duck, person.mention, of_dagster)
    clean = not any(left.values()) and not scanned.held
    written.proof = {"records_left": left, "bytes": asdict(scanned), "clean": clean}

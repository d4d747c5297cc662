"""Suppressed persons leave the archive before their lines are parsed, so whatever is made from it never knows them.

Nothing is looked at while nobody is suppressed. Otherwise it costs one more reading of the files.

A death anywhere leaves nothing wrong: what was received is written down first (once, so doing it again changes nothing), a file is then replaced
whole, and what the ledger says of it is corrected last. Whoever comes next looks at such files again before trusting the ledger's counts of lines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from event_platform.engines.duckdb import spill_folder
from event_platform.landing import ledger, redaction
from event_platform.landing.archive import at_hand
from event_platform.landing.corrections import corrections_of
from event_platform.stage.parse import parse
from event_platform.stage.persons import places_of_suppressed
from event_platform.suppression import Suppression

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from event_platform.lake.catalog import Lake
    from event_platform.landing.ledger import LandedFile
    from event_platform.records.mentions import Mention
    from event_platform.sources.contract import Source

WHOLE = 0
"""The place of a file that cannot be read as lines, as in quarantine."""

Places = dict[int, list[int]]
"""Line numbers, in order, by file id."""


@dataclass(frozen=True)
class Wanted:
    """A text that files which cannot be read as lines are searched for as well; with `in_others` also the records of others."""

    mention: Mention
    in_others: bool = False


def take_out(
    lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, files: Sequence[LandedFile], run_id: str, wanted: Wanted | None = None
) -> list[LandedFile]:
    """Erase what tells of suppressed persons, or what else is wanted, from these archived files; the files as they are then.

    The caller holds the lock of stage, and parses the files afterwards. Raises PermanentError when the archive lacks one of them.
    """
    if not is_needed(lake, source):
        return list(files)
    files = _as_they_are(lake, source, duck, files, run_id)
    places = find(lake, source, duck, files, wanted)
    touched = [file for file in files if file.file_id in places]
    if not touched:
        return list(files)
    ledger.correct(lake, source, duck, [_as_received(file) for file in touched], run_id)
    for file in touched:
        with at_hand(lake.environment, source, [file.landing_file]) as archive:
            redaction.redact(lake.environment, source, file.landing_file, archive, places[file.file_id], duck)
    return _as_they_are(lake, source, duck, _read_again(lake, source, duck, files), run_id)


def is_needed(lake: Lake, source: Source) -> bool:
    """Whether anybody is suppressed."""
    return bool(source.subjects and Suppression.of(lake.environment).of_source(source))


def find(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, files: Sequence[LandedFile], wanted: Wanted | None = None) -> Places:
    """The lines of archived files that tell of suppressed persons, and what else is wanted; a file that cannot be read has the line WHOLE."""
    suppression, found = Suppression.of(lake.environment), Places()
    suppression.tell(duck, suppression.of_source(source))
    erased_whole = {file.received for file in ledger.read(lake, source, duck, "received_sha256 IS NOT NULL AND bytes = 0")}
    for _, same_day in groupby(files, key=lambda file: file.landing_date):
        day = list(same_day)
        with at_hand(lake.environment, source, [file.landing_file for file in day]) as archive:
            everything = [replace(file, repeated_offsets=None) for file in day]  # also what is staged from another file
            with parse(duck, source, archive, everything, spill_folder(duck)) as parsed:
                found |= places_of_suppressed(duck, parsed, wanted.mention.sql if wanted and wanted.in_others else None)
            unreadable = (file for file in day if file.unreadable and file.bytes)
            found |= {
                file.file_id: [WHOLE]
                for file in unreadable
                if file.received in erased_whole or (wanted and wanted.mention.is_in_file(archive / file.landing_file))
            }
    return found


def _as_received(file: LandedFile) -> LandedFile:
    """The file's row with what was received written down, unless it is already."""
    return file if file.received_sha256 else replace(file, received_records=file.records, received_sha256=file.sha256)


def _as_they_are(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, files: Sequence[LandedFile], run_id: str) -> list[LandedFile]:
    """The files, the ledger corrected where one was changed."""
    changed = [file for file in files if file.received_sha256]
    if not changed or not (corrections := corrections_of(lake, source, duck, changed)):
        return list(files)
    ledger.correct(lake, source, duck, corrections, run_id)
    return _read_again(lake, source, duck, files)


def _read_again(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, files: Sequence[LandedFile]) -> list[LandedFile]:
    ids = ", ".join(str(file.file_id) for file in files)
    return ledger.read(lake, source, duck, f"file_id IN ({ids})") if files else []

"""Looking at archived files again: people mend files in the archive, and contracts come to read files otherwise.

The platform itself never changes a file. What the ledger says of one is corrected only when its records are parsed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from event_platform.errors import PermanentError
from event_platform.landing import ledger
from event_platform.landing.archive import at_hand
from event_platform.landing.inspect import as_records, inspect
from event_platform.landing.names import read_archived_name
from event_platform.landing.repeated_offsets import count_repeated

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from event_platform.lake.catalog import Lake
    from event_platform.landing.ledger import LandedFile
    from event_platform.sources.contract import Source


def corrections_of(lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, files: Sequence[LandedFile]) -> list[LandedFile]:
    """The ledger's rows that must change, as they must be: the given files as they are now, and whichever files are repeats no longer, or now.

    Raises PermanentError when the archive lacks one of the files.
    """
    with at_hand(lake.environment, source, [file.landing_file for file in files]) as archive:
        now = [_looked_at_again(archived(archive, file.landing_file), file, source, duck) for file in files]
    changed = {file.file_id: file for file, before in zip(now, files, strict=True) if file != before}
    if not changed:
        return []
    everything = ledger.read(lake, source, duck)
    corrected = ledger.mark_repeats([changed.get(file.file_id, file) for file in everything], {}, source)
    return [file for file, before in zip(corrected, everything, strict=True) if file != before]


def archived(archive: Path, landing_file: str) -> Path:
    """Where a file of the ledger lies in its source's archive; PermanentError when it is gone from there."""
    path = archive / landing_file
    if not path.is_file():
        raise PermanentError(f"{path} is in the ledger but not in the archive. Put it back from a copy; its lines cannot be staged without it.")
    return path


def _looked_at_again(path: Path, file: LandedFile, source: Source, duck: duckdb.DuckDBPyConnection) -> LandedFile:
    found = as_records(inspect(path), path, source.format, duck)
    misleading = read_archived_name(path.name)[2] != found.compression
    now = replace(file, **vars(found) | {"careful": found.careful or misleading})
    return replace(now, repeated_lines=count_repeated(now, path, duck))

"""Messages that are landed a second time: an offset is staged from the file that landed first, whoever brought it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from event_platform.engines.spelling import literal
from event_platform.landing.archive import at_hand
from event_platform.landing.topic_files import Offsets, lines_of, read, repeated, written
from event_platform.records import careful
from event_platform.records.lines import count_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from event_platform.lake.catalog import Lake
    from event_platform.lake.table import LakeTable
    from event_platform.landing.ledger import LandedFile
    from event_platform.landing.topic_files import Span
    from event_platform.sources.contract import Source


def mark_repeated_offsets(
    lake: Lake, source: Source, duck: duckdb.DuckDBPyConnection, ledger: LakeTable, files: Sequence[LandedFile]
) -> list[LandedFile]:
    """The files, in order of landing; one that has offsets which are in the ledger or in a file before it says which, and how many messages."""
    of_topics = {file.file_id: file.offsets for file in files if file.offsets}
    if not of_topics:
        return list(files)
    spans = repeated([*of_topics.values()], _known(ledger, duck, [*of_topics.values()]))
    found = {file_id: each for file_id, each in zip(of_topics, spans, strict=True) if each}
    with at_hand(lake.environment, source, [file.landing_file for file in files if file.file_id in found]) as archive:
        return [_marked(file, found[file.file_id], archive, duck) if file.file_id in found else file for file in files]


def _known(ledger: LakeTable, duck: duckdb.DuckDBPyConnection, files: Sequence[Offsets]) -> list[Offsets]:
    """What the ledger has of the same partitions, but for what is before all that these files hold."""
    least = {log: min(each.first for each in files if each.log == log) for log in {each.log for each in files}}
    rows = ", ".join(f"({literal(topic_id)}, {partition}, {first})" for (topic_id, partition), first in least.items())
    found = duck.execute(f"""
        SELECT kafka_topic, kafka_topic_id, kafka_partition, first_offset, last_offset
        FROM ({ledger.select()}) JOIN (VALUES {rows}) AS log(kafka_topic_id, kafka_partition, _least) USING (kafka_topic_id, kafka_partition)
        WHERE last_offset >= _least""").fetchall()
    return [Offsets(*row) for row in found]


def _marked(file: LandedFile, spans: Sequence[Span], archive: Path, duck: duckdb.DuckDBPyConnection) -> LandedFile:
    marked = replace(file, repeated_offsets=written(spans))
    return replace(marked, repeated_lines=count_repeated(marked, archive / file.landing_file, duck))


def count_repeated(file: LandedFile, path: Path, duck: duckdb.DuckDBPyConnection) -> int | None:
    """How many messages of the file have offsets that it repeats; None where it repeats none. It is read only where it repeats a part."""
    if file.repeated_offsets is None:
        return None
    lines = lines_of(read(file.repeated_offsets), file.first_offset or 0)
    if lines == ((1, file.lines),):
        return file.lines - file.blank_lines
    with TemporaryDirectory() as folder:
        return count_records(duck, careful.copy(path, Path(folder) / "copy") if file.careful else path, lines)

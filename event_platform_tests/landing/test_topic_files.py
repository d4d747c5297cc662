"""Files of a topic: an offset is staged once, from the file that landed first, however the files overlap."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_platform import environment, tables
from event_platform.engines.duckdb import connect
from event_platform.landing import queue, redaction
from event_platform.landing.landed_offsets import next_offsets
from event_platform.landing.topic_files import Offsets, lines_of, name_of, offsets_in, read, repeated, written
from event_platform.records.lines import NO_EVENT
from event_platform.stage.staging import reparse
from event_platform_tests.pipeline import Pipeline, line

TOPIC_ID = "iSj3kVnYQ6uM-2oUYyM_Vw"


def of(first: int, last: int, partition: int = 0, topic_id: str = TOPIC_ID) -> Offsets:
    return Offsets("payments", topic_id, partition, first, last)


def drop(pipeline: Pipeline, offsets: Offsets, without: Iterable[int] = (), mark: str = "") -> None:
    """A file of messages, each an event of its own that says by which file it came; offsets in `without` have no message."""
    lines = [
        "" if each in set(without) else line(f"{offsets.partition}-{each}-{offsets.topic_id[:3]}{mark}", data={"file": offsets.last})
        for each in range(offsets.first, offsets.last + 1)
    ]
    pipeline.drop(name_of(offsets), lines)


def staged(pipeline: Pipeline) -> list[int]:
    """The offsets in stage, as the ledger tells them."""
    rows = pipeline.sql("SELECT first_offset + line_number - 1 FROM stage.payments JOIN landing.payments USING (file_id) ORDER BY 1")
    return [int(str(offset)) for (offset,) in rows]


def test_a_name_tells_the_offsets() -> None:
    name = name_of(of(100, 199))
    assert name == f"payments@{TOPIC_ID}@0@00000000000000000100-199.json"
    assert offsets_in(name) == of(100, 199)
    assert offsets_in(name.replace(".json", "~2.json")) == of(100, 199)
    for other in ("a.json", f"x{name}x", name.replace("-199", "-99"), name.replace("@0@", "@a@")):
        assert offsets_in(other) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=8), st.integers(0, 8))
def test_each_offset_belongs_to_the_first_file_that_has_it(spans: list[tuple[int, int]], known: int) -> None:
    files = [of(first, first + more) for first, more in spans]
    found = repeated(files[known:], files[:known])
    before = {offset for each in files[:known] for offset in range(each.first, each.last + 1)}
    for each, again in zip(files[known:], found, strict=True):
        own = set(range(each.first, each.last + 1))
        assert [offset for first, last in again for offset in range(first, last + 1)] == sorted(own & before)
        assert read(written(again)) == again
        before |= own


def test_offsets_of_other_partitions_and_topics_are_others() -> None:
    assert repeated([of(0, 9), of(0, 9, partition=1), of(0, 9, topic_id="other")], []) == [[], [], []]
    assert lines_of([(100, 100), (105, 107)], 100) == ((1, 1), (6, 8))


@pytest.mark.parametrize("order", [*permutations([(0, 5), (3, 9), (2, 3)])])
def test_files_that_overlap_in_any_order_stage_each_offset_once(home: Path, order: tuple[tuple[int, int], ...]) -> None:  # noqa: ARG001
    pipeline = Pipeline()
    for first, last in order:
        drop(pipeline, of(first, last), without={4})
        pipeline.run_well()
    assert staged(pipeline) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert pipeline.status().balanced
    assert pipeline.status().total.landed == 9
    first_file = {offset: last for first, last in reversed(order) for offset in range(first, last + 1)}
    rows = pipeline.sql("SELECT first_offset + line_number - 1, (data->>'file')::INT FROM stage.payments JOIN landing.payments USING (file_id)")
    assert dict(rows) == {offset: last for offset, last in first_file.items() if offset != 4}


def test_a_file_that_landed_before_whole_is_told_and_not_staged(home: Path) -> None:  # noqa: ARG001
    pipeline = Pipeline()
    drop(pipeline, of(0, 4), without={1})
    drop(pipeline, of(5, 9))
    pipeline.run_well()
    drop(pipeline, of(0, 7), without={1})
    drop(pipeline, of(2, 3))
    pipeline.run_well()
    assert staged(pipeline) == [0, 2, 3, 4, 5, 6, 7, 8, 9]
    ledger = pipeline.sql("SELECT first_offset, last_offset, repeated_offsets, repeated_lines FROM landing.payments ORDER BY file_id")
    assert ledger == [(0, 4, None, None), (5, 9, None, None), (0, 7, "0-7", 7), (2, 3, "2-3", 2)]
    assert "payments: 9 messages had landed before with the same offset; archived, not staged again" in pipeline.told
    assert pipeline.status().balanced


def test_broken_messages_are_told_with_their_offset_and_once(home: Path) -> None:  # noqa: ARG001
    pipeline = Pipeline()
    message = f"{NO_EVENT}not in the wire format{NO_EVENT}" + json.dumps({"value": "x"})
    pipeline.drop(name_of(of(7, 10)), [line("a"), message, "", "torn"])
    pipeline.run_well()
    pipeline.drop(name_of(of(8, 11)), [message, "", "torn", message])
    pipeline.drop("a.json", ["torn"])
    pipeline.run_well()
    columns = "kafka_topic, kafka_partition, kafka_offset, reason, line"
    assert pipeline.sql(f"SELECT {columns} FROM quarantine.payments ORDER BY kafka_offset NULLS LAST") == [
        ("payments", 0, 8, "not in the wire format", '{"value": "x"}'),
        ("payments", 0, 10, "not JSON", "torn"),
        ("payments", 0, 11, "not in the wire format", '{"value": "x"}'),
        (None, None, None, "not JSON", "torn"),
    ]
    assert pipeline.status().balanced


def test_equal_messages_are_two_and_a_topic_made_anew_is_another(home: Path) -> None:  # noqa: ARG001
    pipeline = Pipeline()
    for offset in (0, 1):
        pipeline.drop(name_of(of(offset, offset)), [line("same")])
    pipeline.run_well()
    drop(pipeline, of(0, 1, topic_id="new"))
    pipeline.run_well()
    assert staged(pipeline) == [0, 0, 1, 1]
    assert pipeline.sql("SELECT count(*) FROM trusted.payments") == [(3,)]
    assert pipeline.status().balanced


def test_a_file_with_another_number_of_lines_is_an_ordinary_one(home: Path) -> None:  # noqa: ARG001
    pipeline = Pipeline()
    pipeline.drop(name_of(of(0, 4)), [line("a"), line("b")])
    pipeline.run_well()
    assert pipeline.sql("SELECT lines, kafka_topic, first_offset FROM landing.payments") == [(2, None, None)]
    assert pipeline.sql("SELECT count(*) FROM stage.payments") == [(2,)]


def test_parsing_the_archive_anew_leaves_repeats_out_again(home: Path) -> None:  # noqa: ARG001
    pipeline = Pipeline()
    drop(pipeline, of(0, 5))
    pipeline.run_well()
    drop(pipeline, of(3, 9), without={4})
    pipeline.run_well()
    with connect(pipeline.lake.environment) as duck:
        reparse(pipeline.lake, pipeline.source, duck, "anew", [datetime.now(UTC).date()])
    pipeline.run_well()
    assert staged(pipeline) == [*range(10)]
    assert pipeline.status().balanced


def test_lines_that_were_blanked_in_the_archive_leave_the_offsets_of_the_others(home: Path) -> None:  # noqa: ARG001
    """One that counts, and one whose offset an earlier file has."""
    pipeline = Pipeline()
    drop(pipeline, of(0, 5))
    pipeline.run_well()
    drop(pipeline, of(3, 9))
    pipeline.run_well()
    (archived,) = queue.archive_folder(environment.read(), pipeline.source).glob(f"*/*{name_of(of(3, 9))}")
    lines = archived.read_text().split("\n")
    lines[4 - 3] = lines[8 - 3] = ""
    archived.chmod(0o644)
    archived.write_text("\n".join(lines))
    with connect(pipeline.lake.environment) as duck:
        reparse(pipeline.lake, pipeline.source, duck, "anew", [datetime.now(UTC).date()])
    pipeline.run_well()
    assert staged(pipeline) == [0, 1, 2, 3, 4, 5, 6, 7, 9]
    assert pipeline.sql("SELECT blank_lines, repeated_lines FROM landing.payments ORDER BY file_id") == [(0, None), (2, 2)]
    assert pipeline.status().balanced


def expect_landed_wherever_it_is(pipeline: Pipeline) -> None:
    """In pending/, in the archive with a claim that died before the ledger's commit, and in the ledger."""
    lake, log = pipeline.lake, (TOPIC_ID, 0)
    assert next_offsets(lake, pipeline.source) == {log: 6}
    claimer = lake.open(tables.ledger(pipeline.source)).identity
    claimed = queue.claim(environment.read(), pipeline.source, datetime.now(UTC).date(), 0, claimer=claimer).files
    assert [file.original_name for file in claimed] == [name_of(of(0, 5))]
    assert next_offsets(lake, pipeline.source) == {log: 6}
    pipeline.run_well()
    assert staged(pipeline) == [*range(6)]
    assert next_offsets(lake, pipeline.source) == {log: 6}


def test_what_has_landed_is_known_wherever_it_is(home: Path) -> None:  # noqa: ARG001
    pipeline = Pipeline()
    assert next_offsets(pipeline.lake, pipeline.source) == {}
    drop(pipeline, of(0, 5))
    pipeline.drop("other.json", [line("a")]).rename(pipeline.pending_folder() / ".hidden")
    expect_landed_wherever_it_is(pipeline)


@pytest.mark.server
def test_what_has_landed_in_a_store_is_known_wherever_it_is(lake_url: str, tmp_path: Path) -> None:  # noqa: ARG001
    pipeline = Pipeline()
    path = tmp_path / name_of(of(0, 5))
    path.write_text("".join(f"{line(str(number))}\n" for number in range(6)))
    queue.land(environment.read(), pipeline.source, [path])
    expect_landed_wherever_it_is(pipeline)


def test_a_ledger_without_the_columns_gains_them(home: Path) -> None:  # noqa: ARG001
    """As one from before there were topics."""
    from dataclasses import replace

    pipeline = Pipeline()
    older = [replace(declare(pipeline.source), columns=declare(pipeline.source).columns[:count]) for declare, count in ((tables.ledger, 14),)]
    for table in older:
        pipeline.lake.open(table)
    drop(pipeline, of(0, 2))
    pipeline.run_well()
    assert staged(pipeline) == [0, 1, 2]


@pytest.mark.parametrize("chunk_bytes", [1, 2, 5, 100])
def test_erased_messages_leave_blank_lines_so_that_others_keep_their_offsets(chunk_bytes: int) -> None:
    content = b"one\ntwo\n\nfour\nfive"
    chunks = [content[start : start + chunk_bytes] for start in range(0, len(content), chunk_bytes)]
    assert b"".join(redaction.kept(iter(chunks), [1, 4], blank=True)) == b"\ntwo\n\n\nfive"
    assert b"".join(redaction.kept(iter(chunks), [2, 5], blank=True)) == b"one\n\n\nfour\n"
    assert b"".join(redaction.kept(iter(chunks), [1, 4])) == b"two\n\nfive"

"""Contracts change: what is there stays readable, nothing is rewritten, and a contradiction is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from event_platform import environment, tables
from event_platform.engines.duckdb import connect
from event_platform.errors import PermanentError
from event_platform.lake.maintenance import compact
from event_platform.landing.claiming import claim_pending
from event_platform.sources.contract import Column
from event_platform.stage.staging import stage_pending
from event_platform.trusted.merge import merge_pending
from event_platform_tests.pipeline import Pipeline, line

CHANNEL = Column("channel", "string", "Where the event came in")


def process(pipeline: Pipeline) -> None:
    """Process what is pending with the pipeline's own contract, which Dagster does not know."""
    with connect(environment.read()) as duck:
        for work in (claim_pending, stage_pending, merge_pending):
            work(pipeline.lake, pipeline.source, duck, "test")


def test_a_new_column_appears_without_rewriting(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a", channel="app"), line("b")])
    process(pipeline)
    before = {file.file_path for file in pipeline.lake.open(tables.stage(pipeline.source)).files()}
    pipeline.source = replace(pipeline.source, columns=(*pipeline.source.columns, CHANNEL))
    pipeline.drop("b.json", [line("a", "2026-03-01T13:00:00", channel="web"), line("c", channel="shop")])
    process(pipeline)
    stage, trusted = pipeline.lake.open(tables.stage(pipeline.source)), pipeline.lake.open(tables.trusted(pipeline.source))
    assert before < {file.file_path for file in stage.files()}
    with connect(environment.read()) as duck:
        assert duck.execute(f"SELECT event_id, channel FROM ({trusted.select()}) ORDER BY 1").fetchall() == [("a", "web"), ("b", None), ("c", "shop")]
        assert duck.execute(f"SELECT channel, extra FROM ({stage.select()}) ORDER BY ALL").fetchall() == [
            ("shop", None),
            ("web", None),
            (None, '{"channel":"app"}'),
            (None, None),
        ]
    assert pipeline.status().balanced


def test_a_column_given_up_goes_to_extra(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    without = pipeline.source
    pipeline.source = replace(without, columns=(*without.columns, CHANNEL))
    pipeline.drop("a.json", [line("a", channel="app")])
    process(pipeline)
    pipeline.source = without
    pipeline.drop("b.json", [line("b", channel="web")])
    pipeline.run_well()
    assert pipeline.sql("SELECT event_id, extra FROM trusted.payments ORDER BY 1") == [("a", None), ("b", '{"channel":"web"}')]


def test_a_column_given_up_can_be_taken_back(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    without = pipeline.source
    with_channel = replace(without, columns=(*without.columns, CHANNEL))
    for name, pipeline.source in (("a", with_channel), ("b", without), ("c", with_channel)):
        pipeline.drop(f"{name}.json", [line(name, channel=f"by {name}")])
        process(pipeline)
    for declare in (tables.stage, tables.trusted):
        with connect(environment.read()) as duck:
            found = duck.execute(f"SELECT event_id, channel FROM ({pipeline.lake.open(declare(with_channel)).select()}) ORDER BY 1").fetchall()
        assert found == [("a", "by a"), ("b", None), ("c", "by c")]


def test_upkeep_leaves_the_values_of_a_column_that_the_contract_does_not_know(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    known = pipeline.source
    pipeline.source = replace(known, columns=(*known.columns, CHANNEL))
    for number in range(4):
        pipeline.drop(f"{number}.json", [line(str(number), channel=f"by {number}")])
        process(pipeline)
    for declare in (tables.stage, tables.trusted):
        with_channel, without = pipeline.lake.open(declare(pipeline.source)), pipeline.lake.open(declare(known))
        with connect(environment.read()) as duck:
            assert compact(without, duck, "test") == 4
            with_channel.refresh()
            found = duck.execute(f"SELECT event_id, channel FROM ({with_channel.select()}) ORDER BY 1").fetchall()
        assert found == [(str(number), f"by {number}") for number in range(4)]


def test_a_changed_type_is_told_before_anything_is_written(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    changed = [Column(c.name, "long", c.meaning) if c.name == "data" else c for c in pipeline.source.columns]
    pipeline.source = replace(pipeline.source, columns=tuple(changed))
    with pytest.raises(PermanentError, match="`data` is string in the catalogue and long in the declaration"):
        process(pipeline)

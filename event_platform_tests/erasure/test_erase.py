"""A person is erased from everything that was made of their records, nobody else is, and no delivery brings them back."""

import gzip
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from event_platform import environment, partitions, sources, tables
from event_platform.engines.duckdb import connect
from event_platform.erasure import erase as erasing
from event_platform.erasure.proof import avro_blocks, scan
from event_platform.erasure.receipt import Receipt
from event_platform.erasure.subject import person
from event_platform.errors import UsageError
from event_platform.lake.schema import MASK
from event_platform.lake.table import Change
from event_platform.records.mentions import Mention
from event_platform_tests.pipeline import Pipeline, line

ADA, BEN = "ada.l@example.org", "ben-k@example.org"


def click(username: str, second: int, page: str = "/home") -> str:
    return json.dumps({"username": username, "page": page, "event_name": "click", "event_time": 1_770_000_000 + second})


@pytest.fixture
def clicks(home: Path) -> Pipeline:  # noqa: ARG001 - the process is told of it
    return Pipeline(sources.get("clickstream"))


def erase(subject: str, names: list[str] | None = None, in_others: bool = False) -> Receipt:
    receipt, path = erasing.erase(environment.read(), person(subject, names), lambda _: None, in_others)
    assert not Mention(subject.partition("=")[2]).pattern.search(path.read_text())
    return receipt


def archived(pipeline: Pipeline) -> dict[str, bytes]:
    """The archive's files by the names under which they arrived, decompressed."""
    folder = environment.read().landing / pipeline.source.name / "processed"
    contents = {path.name.partition("-")[2]: path.read_bytes() for path in folder.glob("date=*/*")}
    return {name: gzip.decompress(each) if name.endswith(".gz") else each for name, each in contents.items()}


def lines(each: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in each).encode()


def test_a_person_is_erased_everywhere_and_nobody_else_is(clicks: Pipeline) -> None:
    torn = click(ADA, 9)[:-9]
    clicks.drop("one.json", lines([click(BEN, 1), click(ADA, 2), "", click(BEN, 86_403), torn]))
    clicks.drop("two.json.gz", gzip.compress(lines([click(ADA, 4), click(BEN, 5), "not json"])))
    clicks.run_well()

    receipt = erase(f"username={ADA}")

    assert receipt.clean
    assert receipt.proof["bytes"]["files"] > 20
    assert archived(clicks) == {
        "one.json": lines([click(BEN, 1), "", click(BEN, 86_403)]),
        "two.json.gz": lines([click(BEN, 5), "not json"]),
    }
    for table in ("stage.clickstream", "trusted.clickstream", "aggregate.clickstream_windows"):
        assert clicks.sql(f"SELECT DISTINCT username FROM {table}") == [(BEN,)]
    assert clicks.sql("SELECT sum(events) FROM aggregate.clickstream_windows") == [(3,)]
    total = clicks.status().total
    assert (total.landed, total.staged, total.quarantined, total.erased, total.blank) == (7, 3, 1, 3, 1)
    assert clicks.status().balanced
    assert {each.table: (each.rows_before, each.rows_after) for each in receipt.tables} == {
        "stage.clickstream": (2, 0),
        "trusted.clickstream": (2, 0),
        "quarantine.clickstream": (1, 0),
        "aggregate.clickstream_windows": (1, 0),
    }
    assert all(file.sha256_before != file.sha256_after is not None for file in receipt.archive)


def test_values_within_json_are_found_and_short_ones_are_proven_by_key(home: Path) -> None:  # noqa: ARG001 - the process is told of it
    payments = Pipeline()
    mine = [line("a", data={"from": {"account_id": 77}}), line("b", data={"id": 77}), line("c", data={"account_id": "77"})]
    others = [line("d", data={"amount": 77}), line("e", domain="card", data={"id": 77}), line("f", timestamp="2026-03-01T12:00:177", data={})]
    payments.drop("one.json", [*mine, *others])
    payments.run_well()
    receipt = erase("account_id=77", ["payments"])
    assert receipt.clean
    assert not receipt.proof["bytes"]["looked_for"]
    assert archived(payments)["one.json"] == lines(others)
    assert payments.sql("SELECT event_id FROM trusted.payments ORDER BY 1") == [("d",), ("e",)]
    with pytest.raises(UsageError, match="too short"):
        erase("account_id=77", in_others=True)


def test_trusted_rows_that_stage_has_given_up_are_erased_too(clicks: Pipeline) -> None:
    clicks.drop("one.json", lines([click(BEN, 1), click(ADA, 2)]))
    clicks.run_well()
    stage = clicks.lake.open(tables.stage(clicks.source))
    stage.commit(Change("upkeep"), "test", removed=stage.files(), notes={"erased": {partitions.today().isoformat(): 2}})
    assert clicks.status().balanced

    receipt = erase(f"username={ADA}")

    assert receipt.clean
    assert clicks.sql("SELECT username FROM trusted.clickstream") == [(BEN,)]
    assert clicks.status().balanced


def test_the_proof_finds_what_is_left_anywhere(clicks: Pipeline) -> None:
    clicks.drop("one.json", lines([click(ADA, 2)]))
    clicks.run_well()
    here = environment.read()
    (here.dagster / "note.txt").write_text(f"asked about {ADA}")
    with connect(here) as duck:
        held = scan(clicks.lake, duck, Mention(ADA)).held
    kinds = ("processed", "stage", "trusted", "aggregate", "note.txt")
    assert all(any(kind in name for name in held) for kind in kinds)
    assert any("/stage/clickstream/data/" in name for name in held)


def test_no_delivery_brings_an_erased_person_back(clicks: Pipeline) -> None:
    first = lines([click(BEN, 1), click(ADA, 2)])
    clicks.drop("one.json", first)
    clicks.run_well()
    erase(f"username={ADA}")

    clicks.drop("again.json", first)
    clicks.drop("new.json.gz", gzip.compress(lines([click(ADA, 7), click(BEN, 8), click(ADA, 9)[:-9]])))
    clicks.run_well()

    assert clicks.sql("SELECT original_name FROM landing.clickstream WHERE duplicate_of IS NOT NULL") == [("again.json",)]
    assert archived(clicks) == {"one.json": lines([click(BEN, 1)]), "again.json": lines([click(BEN, 1)]), "new.json.gz": lines([click(BEN, 8)])}
    assert clicks.sql("SELECT DISTINCT username FROM trusted.clickstream") == [(BEN,)]
    total = clicks.status().total
    assert (total.landed, total.staged, total.quarantined, total.erased) == (5, 2, 0, 3)
    assert clicks.status().balanced
    with connect(environment.read()) as duck:
        assert scan(clicks.lake, duck, Mention(ADA)).held == []


def test_what_processes_that_died_left_in_scratch_goes_too(clicks: Pipeline) -> None:
    clicks.drop("one.json", lines([click(BEN, 1), click(ADA, 2)]))
    clicks.run_well()
    left = environment.read().scratch / "duckdb-dead" / "parse-1"
    left.mkdir(parents=True)
    (left / "copy.jsonl").write_text(click(ADA, 2))
    (left / "other.jsonl").write_text(click(BEN, 2))
    assert erase(f"username={ADA}").clean
    assert [path.name for path in left.iterdir()] == ["other.jsonl"]


def test_dagsters_records_and_what_runs_printed_are_masked(clicks: Pipeline) -> None:
    clicks.drop("one.json", lines([click(BEN, 1), click(ADA, 2)]))
    clicks.run_well()
    here = environment.read()
    (log,) = (here.dagster / "history" / "runs").glob("index.db")
    with closing(sqlite3.connect(log)) as connection, connection:
        connection.execute("UPDATE event_logs SET event = replace(event, 'one.json', ?)", [f"one-{ADA} or {ADA}s.json"])
        assert connection.execute("SELECT count(*) FROM event_logs WHERE event LIKE ?", [f"%{ADA}%"]).fetchone()[0] > 0
    printed = here.dagster / "compute_logs" / "a.err"
    printed.parent.mkdir(exist_ok=True)
    printed.write_text(f"found {ADA}, and {ADA}s")

    receipt = erase(f"username={ADA}")

    assert receipt.dagster["cells"] > 0
    assert receipt.dagster["files"] == 1
    assert printed.read_text() == f"found {MASK}, and {ADA}s"
    with closing(sqlite3.connect(log)) as connection:
        found = [event for (event,) in connection.execute("SELECT event FROM event_logs WHERE event LIKE ?", [f"%{ADA}%"])]
    assert found
    assert all(f"one-{MASK} or {ADA}s.json" in event for event in found if "one-" in event)


def test_manifests_and_compressed_files_are_read_for_the_proof(tmp_path: Path) -> None:
    names = pytest.importorskip("polars").DataFrame({"name": [ADA, "x" * 1000]})
    for codec in ("uncompressed", "deflate"):
        names.write_avro(tmp_path / codec, compression=codec)
        with (tmp_path / codec).open("rb") as file:
            assert Mention(ADA).is_in(avro_blocks(file))
        with (tmp_path / codec).open("rb") as file:
            assert not Mention(BEN).is_in(avro_blocks(file))
    assert not Mention(ADA).is_in_file(tmp_path / "deflate")


@pytest.mark.parametrize(
    ("text", "content", "found"),
    [
        ("Zoë O'Neil", '{"name": "Zo\\u00eb O\'Neil"}', True),
        ("Zoë O'Neil", "/?name=Zo%C3%AB%20O%27Neil&", True),
        ("user-12", "user-123 xuser-12", False),
        ("user-12", "user-123 user-12", True),
        ('a"b\\c', json.dumps({"data": json.dumps({"name": 'a"b\\c'})}), True),
    ],
)
def test_a_value_is_found_in_every_spelling_and_as_a_word_only(text: str, content: str, found: bool) -> None:
    mention = Mention(text)
    assert (mention.pattern.search(content) is not None) is found
    assert mention.is_in([content[:7].encode(), content[7:].encode()]) is found
    with duckdb.connect() as duck:
        assert duck.execute("SELECT regexp_matches($1, $2)", [content, mention.sql]).fetchone() == (found,)


def test_erasing_again_changes_nothing(clicks: Pipeline) -> None:
    clicks.drop("one.json", lines([click(BEN, 1), click(ADA, 2)]))
    clicks.run_well()
    erase(f"username={ADA}")
    before = archived(clicks), clicks.status(), clicks.sql("FROM trusted.clickstream")
    again = erase(f"username={ADA}")
    assert again.clean
    assert again.archive == []
    assert (archived(clicks), clicks.status(), clicks.sql("FROM trusted.clickstream")) == before


def test_records_of_others_that_mention_the_value_are_told_and_erased_if_wanted(clicks: Pipeline) -> None:
    mentioning = click(BEN, 3, page=f"/people/{ADA}")
    clicks.drop("one.json", lines([click(BEN, 1), click(ADA, 2), mentioning]))
    clicks.run_well()

    receipt = erase(f"username={ADA}")
    assert not receipt.clean
    assert any("processed" in name for name in receipt.proof["bytes"]["held"])
    assert archived(clicks)["one.json"] == lines([click(BEN, 1), mentioning])

    assert erase(f"username={ADA}", in_others=True).clean
    assert archived(clicks)["one.json"] == lines([click(BEN, 1)])
    assert clicks.status().total.erased == 2


def test_a_value_that_was_never_there_is_refused_and_suppresses_nobody(clicks: Pipeline) -> None:
    clicks.drop("one.json", lines([click(BEN, 1)]))
    clicks.run_well()
    with pytest.raises(UsageError, match="letter by letter"):
        erase("username=Ada")
    clicks.drop("two.json", lines([click("Ada", 2)]))
    clicks.run_well()
    assert clicks.sql("SELECT username FROM trusted.clickstream ORDER BY 1") == [("Ada",), (BEN,)]


@pytest.mark.parametrize(
    ("subject", "names", "told"),
    [
        ("usernam=ada", None, "Did you mean `username`"),
        ("ada", None, "KEY=VALUE"),
        ("username=", None, "KEY=VALUE"),
        ("username=ada", ["census"], "No contract of these sources"),
        ("username=ada", ["clickstream", "payments"], "does not identify a person in payments"),
    ],
)
def test_a_subject_that_no_contract_knows_is_told(subject: str, names: list[str] | None, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        person(subject, names)

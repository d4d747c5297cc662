"""Every table of every feed is the same on both engines, row by row: over samples, bad input, later deliveries, backfills, reprocessing."""

import gzip
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
import zstandard

from event_platform import demo, environment, partitions, sources
from event_platform.instance import open_instance
from event_platform.samples import census, clickstream, payments, storefront
from event_platform_tests import test_bad_input as bad
from event_platform_tests.engines.both import Both
from event_platform_tests.pipeline import line
from event_platform_tests.test_storefront import BAD as BAD_VIEWS
from event_platform_tests.test_storefront import view

pytestmark = [pytest.mark.java, pytest.mark.timeout(1800)]


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Both]]:
    """Makes the two homes of a feed."""
    monkeypatch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
    yield lambda name: Both(sources.get(name), tmp_path, monkeypatch)


SAMPLES: dict[str, Callable[[Path], list[Path]]] = {
    "payments": lambda folder: payments.write_sample(folder, events=400, days=4),
    "storefront": lambda folder: storefront.write_sample(folder, visits=80, days=3),
    "insights": lambda folder: demo.SHOWINGS["insights"].make(environment.read(), folder),
    "weather": lambda folder: demo.SHOWINGS["weather"].make(environment.read(), folder),
    "clickstream": lambda folder: clickstream.write_sample(folder, events=300),
    "census": lambda folder: census.write_sample(folder, people=150),
}


def test_every_feed_has_a_sample() -> None:
    assert SAMPLES.keys() == sources.all_sources().keys()


@pytest.mark.parametrize("feed", SAMPLES)
def test_a_sample_in_two_deliveries(feed: str, both: Callable[[str], Both], tmp_path: Path) -> None:
    files = SAMPLES[feed](tmp_path / "sample")
    homes = both(feed)
    for delivery in (files[::2], files[1::2]):
        homes.deliver({path.name: path.read_bytes() for path in delivery})
    homes.agree()


def test_every_kind_of_bad_input(both: Callable[[str], Both]) -> None:
    files: dict[str, bytes | str] = {name: f"{text}\n{line(f'beside-{name}')}\n" for name, text in bad.LINES.items()}
    files |= bad.BYTES | bad.FILES | {name: text.encode() for name, text in bad.GOOD.items()}
    files |= {name: line(f"name-{number}") + "\n" for number, name in enumerate(bad.NAMES)}
    files["wrong-suffix.json"] = gzip.compress((line("good-gz") + "\n").encode())
    files["right.json.zst"] = zstandard.compress((line("good-zst") + "\n").encode())
    homes = both("payments")
    homes.deliver(files)
    homes.agree()


def test_bad_values_in_typed_columns(both: Callable[[str], Both]) -> None:
    homes = both("storefront")
    homes.deliver({f"{name}.json": [view(f"bad-{name}", **wrong), view(f"good-{name}")] for name, (wrong, _) in BAD_VIEWS.items()})
    homes.agree()


AMOUNTS = [1.25, "2.50", None, 1e14, "92233720368547758.07", 1e17, 1e300, -1e30, "NaN", 10**40, "1_000", "1e3", " 7 ", "+1", ".5", "5.", "0x10",
    "١٢", "", "-", "1,5", True, [1], {"a": 1}, 1.005, "1.005", -0.005, "inf"]  # fmt: skip


def test_amounts_of_any_spelling(both: Callable[[str], Both]) -> None:
    homes = both("payments")
    homes.deliver({"a.json": [line(f"{n}", data={"type": f"T{n % 4}", "amount": each, "id": n}) for n, each in enumerate(AMOUNTS)]})
    homes.deliver({"b.json": [line(f"s{n}", data={"type": f"S{n}", "amount": each, "id": str(n)}) for n, each in enumerate(AMOUNTS)]})
    homes.agree()


def test_versions_that_move_backfill_and_reprocess(both: Callable[[str], Both]) -> None:
    homes, first, second = both("payments"), "2026-03-01T23:59:59.999999", "2026-03-02T00:00:00"
    homes.deliver({"a.json": [line("moves", first), line("stays", first), line("goes-back", second)], "empty.json": ""})
    homes.deliver({"b.json": [line("moves", second), line("goes-back", first), line("stays", first, event_type="late")]})
    homes.deliver(
        {"c.json": [line("moves", second, data={"tie": 1}), line("moves", second, data={"tie": 2})], "d.json": [line("only-this-day", second)]}
    )
    homes.agree()
    day = date(2026, 3, 1)
    homes.backfill("trusted.payments", day, day + timedelta(days=1))
    homes.backfill("aggregate.payments_daily", day, day + timedelta(days=1))
    homes.agree()
    homes.backfill("stage.payments", partitions.today(), partitions.today())
    homes.deliver({})
    homes.agree()


def test_engines_may_be_mixed_and_changed(both: Callable[[str], Both]) -> None:
    """Each delivery of the second home is computed by other engines than the one before; the UI shows the statement as it ran."""
    homes, day = both("payments"), "2026-03-01T12:00:00"
    deliveries = [[line("a", day), line("b", day), "torn"], [line("a", "2026-03-02T12:00:00"), line("c", day)], [line("b", day, data={"n": 1})]]
    choices = ["duckdb, trusted.payments=spark", "spark, trusted.payments=duckdb", "duckdb, stage.payments=spark, aggregate.payments_daily=spark"]
    for number, (lines, choice) in enumerate(zip(deliveries, choices, strict=True)):
        homes.deliver({f"{number}.json": lines}, engines=["duckdb"])
        homes.choices["spark"] = choice
        homes.deliver({f"{number}.json": lines}, engines=["spark"])
        homes.agree()
    with open_instance() as instance:
        written = instance.get_latest_materialization_event(dg.AssetKey(["aggregate", "payments_daily"]))
        assert "COUNT(DISTINCT account)" in str(written.asset_materialization.metadata["sql"].value)

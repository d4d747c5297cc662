"""The notebook's cells run, on an empty lake and on one with data, and show no personal value."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from event_platform import demo, environment, sources
from event_platform.errors import ConfigurationError, UsageError
from event_platform.lake.schema import MASK
from event_platform.landing import queue
from event_platform.samples import census, clickstream, storefront
from event_platform.serving.explore import launch, plots
from event_platform.serving.explore.answers import Answers, thresholds
from event_platform_tests.pipeline import Pipeline, line

ALERTS = """
[recipients.duty]
address_from = "DUTY_URL"

[[rules]]
name = "gale"
column = "wind_gust_m_per_s"
above = 18.5
recipients = ["duty"]
"""
SECRET = "secret-name"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home in which every feed has a little data; only ever read."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENT_PLATFORM_HOME", str(folder / "home"))
        patch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
        here = environment.read()
        files = {
            "clickstream": clickstream.write_sample(folder / "clickstream", files=1),
            "storefront": storefront.write_sample(folder / "storefront", visits=80, users=5, days=2, files=1),
            "census": census.write_sample(folder / "census", people=60),
            "insights": demo.SHOWINGS["insights"].make(here, folder / "insights"),
            "weather": demo.SHOWINGS["weather"].make(here, folder / "weather")[:8],
        }
        for name, written in files.items():
            pipeline = Pipeline(sources.get(name))
            queue.land(here, pipeline.source, written)
            pipeline.run_well()
        pipeline = Pipeline()
        pipeline.drop("a.json", [line("a", data={"name": SECRET}), line("b")])
        pipeline.run_well()
        yield here.home


@pytest.fixture
def here(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENT_PLATFORM_HOME", str(filled))
    return filled


def page() -> str:
    """What the notebook's cells show, as HTML; run anew."""
    from event_platform.serving.explore.notebook import app

    outputs, _ = app.run()
    return "".join(getattr(output, "text", "") for output in outputs)


@pytest.mark.usefixtures("home")
def test_an_empty_lake_is_said_to_be_empty() -> None:
    shown = page()
    for feed in demo.SHOWINGS:
        assert f"event-platform demo {feed}" in shown
    assert "No line has landed yet" in shown


@pytest.mark.usefixtures("here")
def test_every_feed_with_data_is_drawn() -> None:
    shown = page()
    assert "Nothing of" not in shown
    titles = [plot.title for of_feed in plots.PLOTS.values() for plot in of_feed]
    assert [title for title in titles if title not in shown] == []
    assert "No alert has been raised" in shown


@pytest.mark.usefixtures("here")
def test_feeds_that_a_project_does_without_have_no_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_EXAMPLES", "0")
    shown = page()
    titles = [plot.title for of_feed in plots.PLOTS.values() for plot in of_feed]
    assert [title for title in (*titles, "No alert has been raised") if title in shown] == []
    assert "Where every line went" in shown


@pytest.mark.usefixtures("here")
def test_plots_hold_the_numbers_of_the_tables() -> None:
    answers, pipeline = Answers(), Pipeline()
    drawn = {feed: [answers.ask(plot.query) for plot in of_feed] for feed, of_feed in plots.PLOTS.items()}
    assert sum(drawn["payments"][0]["events"].to_pylist()) == 2
    ((sessions, sales),) = pipeline.sql("SELECT count(*), count(*) FILTER (WHERE converted) FROM aggregate.storefront_sessions")
    assert list(zip(drawn["storefront"][0]["step"].to_pylist(), drawn["storefront"][0]["sessions"].to_pylist(), strict=True))[
        :: len(plots.STEPS) - 1
    ] == [
        ("any page", sessions),
        ("confirmation", sales),
    ]
    assert sum(drawn["insights"][0]["events"].to_pylist()) == 3000
    assert sum(drawn["census"][0]["people"].to_pylist()) == 60
    gusts = answers.ask(plots.weather_query("wind_gust_m_per_s"))
    assert max(gusts["value"].to_pylist()) == pipeline.sql("SELECT max(wind_gust_m_per_s) FROM trusted.weather")[0][0]


@pytest.mark.usefixtures("here")
def test_charts_tell_their_times_in_utc() -> None:
    plot = plots.PLOTS["insights"][0]
    table = Answers().ask(plot.query)
    assert table["day_ms"].to_pylist()[0] == 1_767_571_200_000  # 2026-01-05T00:00Z
    assert "utcyearmonthdate" in plot.draw(table).to_json()


@pytest.mark.usefixtures("here")
def test_personal_columns_are_masked_in_every_table_unless_revealed() -> None:
    masked, revealed = Answers(), Answers(reveal=True)
    assert masked.ask("SELECT DISTINCT data FROM trusted.payments")["data"].to_pylist() == [MASK]
    for table, column in {"trusted.storefront": "cookie_id", "aggregate.storefront_sessions": "cookie_id", "stage.insights": "username"}.items():
        assert masked.ask(f"SELECT DISTINCT {column} FROM {table}")[column].to_pylist() == [MASK]
    assert SECRET not in json.dumps(masked.ask("FROM trusted.payments").to_pylist(), default=str)
    assert SECRET in json.dumps(revealed.ask("FROM trusted.payments").to_pylist(), default=str)


@pytest.mark.usefixtures("here")
def test_a_statement_that_cannot_be_run_says_why() -> None:
    with pytest.raises(UsageError, match="nosuch"):
        Answers().ask("SELECT * FROM trusted.nosuch")


@pytest.mark.usefixtures("home")
def test_nothing_is_held_when_the_page_is_shown() -> None:
    pipeline = Pipeline()
    for name in ("a", "b"):
        pipeline.drop(f"{name}.json", [line(name)])
        pipeline.run_well()
        assert "Events per day and kind" in page()
        assert not list(environment.read().scratch.iterdir())
    assert pipeline.sql("SELECT count(*) FROM trusted.payments") == [(2,)]


def test_thresholds_are_those_of_alerts_toml(home: Path) -> None:
    assert thresholds("wind_gust_m_per_s") == []
    home.mkdir()
    (home / "alerts.toml").write_text(ALERTS)
    assert thresholds("wind_gust_m_per_s") == [("gale", 18.5)]
    assert thresholds("temperature_celsius") == []
    (home / "alerts.toml").write_text("rules = 3")
    with pytest.raises(ConfigurationError):
        thresholds("wind_gust_m_per_s")


def test_the_server_is_on_this_machine_alone_and_wants_a_token(home: Path) -> None:
    here = environment.read()
    command = launch.command(here, port=1234, headless=True, edit=False, reveal=True)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert {"--token", "--headless"} <= set(command)
    assert command[-2:] == ["--", "--reveal"]
    edited = launch.command(here, port=1234, headless=True, edit=True, reveal=False)
    assert str(home / "explore.py") in edited
    (home / "explore.py").write_text("mine")
    launch.command(here, port=1234, headless=True, edit=True, reveal=False)
    assert (home / "explore.py").read_text() == "mine"


def test_without_the_extra_the_way_out_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for name in ("marimo", "altair"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ConfigurationError, match=r"event-platform\[explore\]"):
        launch.command(environment.read(), port=1234, headless=True, edit=False, reveal=False)

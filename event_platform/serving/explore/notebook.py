"""The page that `event-platform explore` shows: a marimo notebook, a cell for each feed. With `--edit` people get a copy of it to change."""

import marimo

app = marimo.App(width="medium", app_title="Event platform")

with app.setup:
    import marimo as mo

    from event_platform.alerts.configuration import NUMERIC_COLUMNS
    from event_platform.alerts.log import LATEST
    from event_platform.errors import PlatformError
    from event_platform.serving.explore import plots
    from event_platform.serving.explore.answers import Answers, thresholds
    from event_platform.sources import all_sources, examples


@app.function
def shown(answers, feed, plot):
    """A plot with its title, or a word about what is missing."""
    table = answers.ask(plot.query)
    return mo.vstack([mo.md(f"**{plot.title}**"), plot.draw(table)]) if table.num_rows else nothing_yet(feed)


@app.function
def nothing_yet(feed):
    """What to do when a feed has no data."""
    return mo.callout(mo.md(f"Nothing of **{feed}** yet. `event-platform demo {feed}` brings a sample."), kind="neutral")


@app.function
def stop_without(feed):
    """Show no cell of a feed that the project does without."""
    mo.stop(feed not in examples())


@app.function
def section(feed, *parts):
    """A feed under its title."""
    source = all_sources().get(feed)
    return mo.vstack([mo.md(f"## {source.title if source else feed}"), *parts])


@app.function
def drawn(answers, feed):
    """All plots of a feed, one below the other, under its title."""
    stop_without(feed)
    return section(feed, *(shown(answers, feed, plot) for plot in plots.PLOTS[feed]))


@app.cell
def _():
    answers = Answers(reveal=bool(mo.cli_args().get("reveal")))
    again = mo.ui.refresh(options=["10s", "1m", "10m"], label="look again")
    mask = "Personal values are shown." if answers.reveal else "Personal values are masked."
    mo.hstack([mo.md(f"# What is in the lake\n{mask} Times are UTC."), again], align="end")
    return again, answers


@app.cell
def _(again, answers):
    _ = again
    accounts = answers.accounts()
    mo.vstack(
        [
            mo.md("## Where every line went\n`landed = staged + quarantined + erased`, `staged = trusted + superseded + expired`"),
            mo.ui.table(accounts, selection=None, pagination=False, show_column_summaries=False, show_download=False),
            plots.lines_chart(accounts) if any(each["landed"] for each in accounts) else mo.md("No line has landed yet."),
        ]
    )
    return


@app.cell
def _(again, answers):
    _ = again
    drawn(answers, "payments")
    return


@app.cell
def _(again, answers):
    _ = again
    stop_without("storefront")
    _funnel, _lengths, _conversion = (shown(answers, "storefront", plot) for plot in plots.PLOTS["storefront"])
    section("storefront", _funnel, mo.hstack([_lengths, _conversion], widths="equal"))
    return


@app.cell
def _(again, answers):
    _ = again
    drawn(answers, "insights")
    return


@app.cell
def _(again, answers):
    _ = again
    drawn(answers, "clickstream")
    return


@app.cell
def _():
    measure = mo.ui.dropdown(sorted(NUMERIC_COLUMNS), value="wind_gust_m_per_s", label="measure")
    level = mo.ui.number(value=20, step=0.5, label="threshold, where alerts.toml has none")
    return level, measure


@app.cell
def _(again, answers, level, measure):
    _ = again
    stop_without("weather")
    try:
        _levels = thresholds(measure.value) or [("threshold", level.value)]
        _trouble = []
    except PlatformError as _error:
        _levels, _trouble = [("threshold", level.value)], [mo.callout(str(_error), kind="warn")]
    _observed = answers.ask(plots.weather_query(measure.value))
    _alerts = answers.ask(
        f"""SELECT observed_at, kind, rule, place, measure, value, threshold, recipient, state
        FROM (FROM aggregate.weather_alerts QUALIFY {LATEST}) ORDER BY observed_at DESC LIMIT 100"""
    )
    section(
        "weather",
        mo.hstack([measure, level], justify="start"),
        *_trouble,
        plots.weather_chart(_observed, measure.value, _levels) if _observed.num_rows else nothing_yet("weather"),
        mo.ui.table(_alerts, selection=None) if _alerts.num_rows else mo.md("No alert has been raised; `alerts.toml` in the home holds the rules."),
    )
    return


@app.cell
def _(again, answers):
    _ = again
    drawn(answers, "census")
    return


@app.cell
def _():
    statement = mo.ui.code_editor(
        "SELECT table_schema AS layer, table_name AS name, count(*) AS columns\nFROM information_schema.columns GROUP BY ALL ORDER BY ALL",
        language="sql",
        min_height=90,
    ).form(submit_button_label="Ask", bordered=False)
    mo.vstack([mo.md("## Ask yourself\n`landing.*`, `stage.*`, `quarantine.*`, `trusted.*` and `aggregate.*`"), statement])
    return (statement,)


@app.cell
def _(again, answers, statement):
    _ = again
    try:
        _answer = mo.ui.table(answers.ask(statement.value), selection=None, page_size=20) if statement.value else mo.md("")
    except PlatformError as _error:
        _answer = mo.callout(str(_error), kind="warn")
    _answer
    return


if __name__ == "__main__":
    app.run()

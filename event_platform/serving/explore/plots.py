"""What the notebook asks of each feed and how the answer is drawn: pure functions from tables to Altair charts.

Altair rather than Plotly, for it is lighter: a wheel of 0.8 MB instead of 9.7, and marimo brings the Vega that draws it. Times are given to Vega
as milliseconds since 1970 and drawn in UTC, whatever the zone of the browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_platform.aggregate.clickstream_windows import WINDOW_SECONDS
from event_platform.aggregate.storefront_sessions import SESSION_GAP_MINUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import altair as alt
    import pyarrow as pa

DAYS_SHOWN = 90
"""Of daily plots, counted back from the newest date; more bars would be too thin."""
WEATHER_DAYS_SHOWN = 14
WINDOW_MINUTES_SHOWN = 15
HEIGHT = 260
STEPS = {
    "any page": "count(*)",
    "a product": "count(*) FILTER (WHERE saw_product)",
    "cart": "count(*) FILTER (WHERE saw_cart)",
    "payment": "count(*) FILTER (WHERE saw_payment)",
    "confirmation": "count(*) FILTER (WHERE converted)",
}
"""How far a session came, and how many did."""


@dataclass(frozen=True)
class Plot:
    """A question of a feed's tables, and how its answer is drawn."""

    title: str
    query: str
    draw: Callable[[pa.Table], alt.Chart]


def _since_newest(table: str, days: int) -> str:
    return f"event_date > (SELECT max(event_date) FROM {table}) - {days}"


def _by_day(table: pa.Table) -> alt.Chart:
    """Bars per day (`day_ms`), stacked by `kind`, of `events`."""
    import altair as alt

    return _sized(
        alt.Chart(table)
        .mark_bar(width={"band": 0.9})
        .encode(
            alt.X("utcyearmonthdate(day_ms):T", title="day (UTC)", axis=alt.Axis(format="%d %b")),
            alt.Y("events:Q"),
            alt.Color("kind:N", title=None),
            tooltip=[alt.Tooltip("utcyearmonthdate(day_ms):T", title="day"), "kind", "events"],
        )
    )


def _by_window(table: pa.Table) -> alt.Chart:
    """Bars per window (`window_ms`), stacked by `page`, of `events`."""
    import altair as alt

    return _sized(
        alt.Chart(table)
        .mark_bar(size=3)
        .encode(
            alt.X("window_ms:T", title="begin (UTC)", scale=alt.Scale(type="utc"), axis=alt.Axis(format="%H:%M", labelOverlap=True)),
            alt.Y("events:Q"),
            alt.Color("page:N", title=None),
            tooltip=[alt.Tooltip("utchoursminutesseconds(window_ms):T", title="begin"), "page", "events"],
        )
    )


def _funnel(table: pa.Table) -> alt.Chart:
    import altair as alt

    base = alt.Chart(table).encode(alt.Y("step:N", sort=list(STEPS), title=None), alt.X("sessions:Q", title="sessions"))
    return _sized(base.mark_bar() + base.mark_text(align="left", dx=4).encode(text="label:N"))


def _lengths(table: pa.Table) -> alt.Chart:
    import altair as alt

    minutes = alt.X("minutes:Q", title="length, minutes", scale=alt.Scale(domainMin=-1, nice=False))
    return _sized(alt.Chart(table).mark_bar(size=4).encode(minutes, alt.Y("sessions:Q"), tooltip=["minutes", "sessions"]))


def _conversion(table: pa.Table) -> alt.Chart:
    import altair as alt

    sale = alt.X("conversion:Q", title="sessions that ended in a sale", axis=alt.Axis(format="%"))
    base = alt.Chart(table).encode(alt.Y("source:N", sort=alt.EncodingSortField("conversion", op="max", order="descending"), title=None), sale)
    return _sized(base.mark_bar() + base.mark_text(align="left", dx=4).encode(text="label:N"))


def _income(table: pa.Table) -> alt.Chart:
    import altair as alt

    return _sized(
        alt.Chart(table)
        .mark_bar()
        .encode(
            alt.Y("education:N", sort=alt.EncodingSortField("level", op="min"), title=None),
            alt.X("people:Q", stack="normalize", title="share of people", axis=alt.Axis(format="%")),
            alt.Color("class:N", title="US dollars a year", sort=["<=50K", ">50K"]),
            tooltip=["education", "class", "people"],
        ),
        height=320,
    )


def _sized(chart: alt.Chart, height: int = HEIGHT) -> alt.Chart:
    return chart.properties(width="container", height=height)


def lines_chart(accounts: Sequence[dict[str, object]]) -> alt.Chart:
    """What became of the landed lines of each feed, as shares."""
    import altair as alt
    import pyarrow as pa

    fates = ("trusted", "superseded", "expired", "quarantined")
    rows = [{"source": each["source"], "fate": fate, "lines": each[fate]} for each in accounts if each["landed"] for fate in fates]
    return _sized(
        alt.Chart(pa.Table.from_pylist(rows))
        .mark_bar()
        .encode(
            alt.Y("source:N", title=None),
            alt.X("lines:Q", stack="normalize", title="share of landed lines", axis=alt.Axis(format="%")),
            alt.Color(
                "fate:N", title=None, sort=list(fates), scale=alt.Scale(domain=list(fates), range=["#4c9a6a", "#b8bfc6", "#8d99ae", "#d1495b"])
            ),
            tooltip=["source:N", "fate:N", "lines:Q"],
        ),
        height=150,
    )


def weather_query(measure: str) -> str:
    """The greatest value of a measure per place and hour, of the newest days."""
    return f"""SELECT place, epoch_ms(date_trunc('hour', observed_at)) AS hour_ms, max("{measure}") AS value FROM trusted.weather
        WHERE "{measure}" IS NOT NULL AND {_since_newest("trusted.weather", WEATHER_DAYS_SHOWN)} GROUP BY ALL ORDER BY ALL"""


def weather_chart(table: pa.Table, measure: str, thresholds: Sequence[tuple[str, float]]) -> alt.Chart:
    """Lines per place over time, with a rule at each named threshold."""
    import altair as alt
    import pyarrow as pa

    values = (
        alt.Chart(table)
        .mark_line(point=True)
        .encode(
            alt.X("hour_ms:T", title="hour (UTC)", scale=alt.Scale(type="utc"), axis=alt.Axis(format="%d %b %H:%M", labelOverlap=True)),
            alt.Y("value:Q", title=measure),
            alt.Color("place:N", title=None),
            tooltip=["place", alt.Tooltip("utcyearmonthdatehours(hour_ms):T", title="hour (UTC)"), "value"],
        )
    )
    levels = alt.Chart(pa.Table.from_pylist([{"name": name, "level": level} for name, level in thresholds])).encode(y="level:Q")
    named = levels.mark_text(align="left", dx=4, dy=-6, color="#d1495b").encode(x=alt.value(0), text="name:N")
    return _sized(values + levels.mark_rule(color="#d1495b", strokeDash=[6, 4]) + named, height=320)


PLOTS = {
    "payments": (
        Plot(
            "Events per day and kind",
            "SELECT epoch_ms(event_date) AS day_ms, domain_event_type AS kind, CAST(sum(events) AS BIGINT) AS events FROM aggregate.payments_daily "
            f"WHERE {_since_newest('aggregate.payments_daily', DAYS_SHOWN)} GROUP BY ALL ORDER BY ALL",
            _by_day,
        ),
    ),
    "storefront": (
        Plot(
            "How far sessions come",
            f"""WITH counted AS (
                SELECT count(*) AS all_sessions, {", ".join(f'{counted} AS "{step}"' for step, counted in STEPS.items())}
                FROM aggregate.storefront_sessions HAVING count(*) > 0
            )
            SELECT step, sessions, format('{{}} ({{:.0f}} %)', sessions, 100 * sessions / all_sessions) AS label
            FROM counted UNPIVOT (sessions FOR step IN ({", ".join(f'"{step}"' for step in STEPS)}))""",
            _funnel,
        ),
        Plot(
            f"How long sessions last (until {SESSION_GAP_MINUTES} minutes without a page)",
            "SELECT CAST(date_diff('minute', started_at, ended_at) AS BIGINT) AS minutes, count(*) AS sessions "
            "FROM aggregate.storefront_sessions GROUP BY ALL ORDER BY ALL",
            _lengths,
        ),
        Plot(
            "Which visitors buy",
            "SELECT coalesce(utm_source, 'unknown') AS source, sum(confirmation_sessions) / sum(sessions) AS conversion, "
            "format('{} of {}', CAST(sum(confirmation_sessions) AS BIGINT), CAST(sum(sessions) AS BIGINT)) AS label "
            "FROM aggregate.storefront_funnel GROUP BY ALL ORDER BY sum(sessions) DESC LIMIT 15",
            _conversion,
        ),
    ),
    "insights": (
        Plot(
            "Events per day and name",
            "SELECT epoch_ms(event_date) AS day_ms, event_name AS kind, events FROM aggregate.insights_daily "
            f"WHERE {_since_newest('aggregate.insights_daily', DAYS_SHOWN)} ORDER BY ALL",
            _by_day,
        ),
    ),
    "clickstream": (
        Plot(
            f"Events in windows of {WINDOW_SECONDS} seconds, the newest {WINDOW_MINUTES_SHOWN} minutes",
            "SELECT epoch_ms(start_time) AS window_ms, page, CAST(sum(events) AS BIGINT) AS events FROM aggregate.clickstream_windows "
            "WHERE start_time > (SELECT max(start_time) FROM aggregate.clickstream_windows) "
            f"- INTERVAL '{WINDOW_MINUTES_SHOWN}' MINUTE GROUP BY ALL ORDER BY ALL",
            _by_window,
        ),
    ),
    "census": (
        Plot(
            "Income by education",
            'SELECT education, min("education-num") AS level, class, CAST(sum(people) AS BIGINT) AS people '
            "FROM aggregate.census_income GROUP BY ALL ORDER BY level, class",
            _income,
        ),
    ),
}
"""By feed. The weather is drawn by what people choose of it."""

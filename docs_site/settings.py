"""The page of the settings, from their declarations."""

from event_platform import environment
from event_platform.environment.setting import Setting, declared_in

HEADS = {
    environment.Home: ("Home and lake", "object-stores.md"),
    environment.Logs: ("Logs", "monitoring.md"),
    environment.Feeds: ("Feeds and what they are pulled from", "feeds/README.md"),
    environment.DuckDb: ("DuckDB", "scale.md"),
    environment.Engines: ("Engines and Spark", "engines.md"),
    environment.Emr: ("EMR Serverless", "engines.md"),
    environment.Readers: ("Catalogue and readers", "catalogues-and-readers.md"),
    environment.Loading: ("Loading into PostgreSQL", "loading.md"),
    environment.Redshift: ("Loading into Redshift", "redshift.md"),
    environment.Kafka: ("Kafka", "streaming.md"),
    environment.Stream: ("The stream of windows", "streaming.md"),
}
"""The heading of each group of settings, and the page of docs/ that explains what they are for."""

INTRODUCTION = """\
# Settings

The platform is configured by environment variables; each is declared once, in `event_platform/environment/`, and this page is written from there
(`python -m docs_site`). A variable that is empty counts as not set. One that cannot be used ends a command with exit code 3 and is named. Those
marked † may hold a secret and are shown nowhere, not in errors either.

Topics, keys and limits of the collector are in [`collector.toml`](../collecting.md#who-may-post), rules and recipients of alerts in
[`alerts.toml`](../feeds/weather.md#alerts); both name the variables that hold secrets, never the secrets. AWS's own variables and files hold its
credentials and region, `SPARK_CONF_DIR` and `HADOOP_CONF_DIR` name the configuration of Spark and Hadoop, `JAVA_HOME` Java, and `DAGSTER_HOME` a
Dagster instance to use instead of the one in the home.
"""


def page() -> str:
    """The whole page in Markdown: a table for each group."""
    return "\n".join([INTRODUCTION, *map(_group, environment.GROUPS)])


def _group(group: type) -> str:
    title, explained = HEADS[group]
    rows = "".join(_row(each) for each in declared_in(group).values() if each.meaning)
    return f"## {title}\nSee [{_title(explained)}](../{explained}).\n\n| variable | what it is | default | meaning |\n|---|---|---|---|\n{rows}"


def _title(page: str) -> str:
    """What the page calls itself."""
    return (environment.CHECKOUT / "docs" / page).read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def _row(declared: Setting) -> str:
    secret = " †" if declared.secret else ""
    return f"| `{declared.name}`{secret} | {declared.kind.written} | {declared.unset} | {declared.meaning} |\n"

"""The dashboard and the rules: each expression is PromQL, each figure is one of the endpoints', each runbook is a heading of the docs."""

import json
import re
from collections.abc import Iterator

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from event_platform import environment
from event_platform.environment import Environment
from event_platform.monitoring.monitor import Monitor
from event_platform.realtime import metrics

FOLDER = environment.CHECKOUT / "monitoring"
OURS = re.compile(r"\b(?:event_platform|collector)_[a-z0-9_]+")
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"].replace("$source", ".*") for panel in PANELS for target in panel["targets"])


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of figures as the endpoints tell them; the collector's count from its first request."""
    registry = CollectorRegistry()
    registry.register(Monitor(Environment(tmp_path_factory.mktemp("home"))))
    metrics.EVENTS.labels("payments", "accepted").inc(0)
    metrics.REQUESTS.labels("200").inc(0)
    told = generate_latest(registry).decode() + metrics.text().decode()
    return set(re.findall(r"^(?:# HELP )?(\w+)", told, re.MULTILINE))


def test_every_figure_of_dashboard_and_rules_is_exposed(exposed: set[str]) -> None:
    named = {name for expression in expressions() for name in OURS.findall(expression)}
    assert named - exposed == set()
    variables = {name for each in DASHBOARD["templating"]["list"] for name in OURS.findall(json.dumps(each["query"]))}
    assert variables - exposed == set()


def test_the_dashboard_shows_every_figure_but_how_the_monitor_itself_is(exposed: set[str]) -> None:
    shown = {name for panel in PANELS for target in panel["targets"] for name in OURS.findall(target["expr"])}
    own = {name for name in exposed if name.startswith("event_platform_")}
    assert {name.removeprefix("event_platform_") for name in own - shown} == {
        "looked_at_timestamp_seconds",
        "look_seconds",
        "landed_files",
        "table_snapshots",
    }


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_every_expression_is_promql(expression: str) -> None:
    promql_parser.parse(expression)


def test_every_rule_leads_to_a_heading_that_says_what_to_do() -> None:
    headings = re.findall(r"^#+ (.*)$", (environment.CHECKOUT / "docs" / "monitoring.md").read_text(), re.MULTILINE)
    anchors = {f"docs/monitoring.md#{re.sub('[^a-z0-9 -]', '', heading.lower()).replace(' ', '-')}" for heading in headings}
    assert {rule["annotations"]["runbook"] for rule in RULES} <= anchors
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] in ("info", "warning", "critical") for rule in RULES)


def test_panels_lie_side_by_side_and_have_ids_of_their_own() -> None:
    cells = [(x, y) for panel in DASHBOARD["panels"] for x, y in _cells(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert all(0 <= x < 24 for x, _ in cells)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    return ((place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"]))

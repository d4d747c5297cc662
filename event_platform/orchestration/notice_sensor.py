"""The sensor that tells people of problems; on by itself only where `alerts.toml` names people under `[operations]`."""

from datetime import UTC, datetime

import dagster as dg

from event_platform import environment
from event_platform.alerts import configuration
from event_platform.errors import ConfigurationError
from event_platform.sources import all_sources

NAME = "problem_notices"


def notice_sensor() -> dg.SensorDefinition:
    """Starts no runs. It looks at how things are, not at events, so nothing is missed while the daemon is down."""
    on = dg.DefaultSensorStatus.RUNNING if _is_wanted(environment.read()) else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=30,
        default_status=on,
        description="Tells the recipients under [operations] in alerts.toml of failed runs, failing checks and silent feeds, and when that is over.",
    )
    def notices(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _round(context, datetime.now(UTC))

    return notices


def _round(context: dg.SensorEvaluationContext, now: datetime) -> dg.SensorResult:
    from event_platform.monitoring.notices import State, deliver, take_in
    from event_platform.monitoring.problems import find

    here = environment.read()
    wanted = configuration.read(here.alerts) if configuration.is_configured(here) else None
    if wanted is None or wanted.operations is None:
        return dg.SensorResult(skip_reason="alerts.toml names nobody under [operations]", cursor=context.cursor)
    definitions = context.repository_def
    checks = list(definitions.asset_graph.asset_check_keys) if definitions else []
    found = find(context.instance, checks, list(all_sources().values()), now)
    state = deliver(take_in(State.read(context.cursor), found, wanted, now), wanted, now, context.log.warning)
    wrong = "; ".join(state.open.values()) or "nothing is wrong"
    return dg.SensorResult(skip_reason=f"{wrong} ({len(state.waiting)} notices wait)", cursor=state.text)


def _is_wanted(here: environment.Environment) -> bool:
    """Whether anybody is to be told; a file that cannot be used says so in the sensor's ticks."""
    if not configuration.is_configured(here):
        return False
    try:
        return configuration.read(here.alerts).operations is not None
    except ConfigurationError:
        return True

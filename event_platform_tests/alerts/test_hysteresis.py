"""The step from observation to observation, against a plain account of whole episodes."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from event_platform.alerts.configuration import Rule
from event_platform.alerts.hysteresis import State, step
from event_platform_tests.alerts.conftest import minutes

Series = list[tuple[int, int]]


def expected(series: Series, threshold: int, clear: int, above: bool, cooldown: int) -> list[tuple[str, int]]:
    """Episode by episode: find the next observation that may open one, then the next that ends it."""
    sign = 1 if above else -1
    told: list[tuple[str, int]] = []
    position, last = 0, None
    while True:
        opening = [
            i for i, (at, value) in enumerate(series) if i >= position and sign * (value - threshold) > 0 and (last is None or at >= last + cooldown)
        ]
        if not opening:
            return told
        last = series[opening[0]][0]
        told.append(("breach", last))
        ending = [i for i, (_, value) in enumerate(series) if i > opening[0] and sign * (value - clear) <= 0]
        if not ending:
            return told
        told.append(("recovery", series[ending[0]][0]))
        position = ending[0] + 1


@given(
    gaps=st.lists(st.tuples(st.integers(1, 20), st.integers(-5, 5)), max_size=40),
    threshold=st.integers(-3, 3),
    distance=st.integers(0, 3),
    above=st.booleans(),
    cooldown=st.integers(0, 60),
)
@example(gaps=[(1, 5), (1, -5), (1, 5), (60, 5)], threshold=0, distance=0, above=True, cooldown=60)
def test_what_is_told_is_what_the_episodes_are(gaps: Series, threshold: int, distance: int, above: bool, cooldown: int) -> None:
    clear = threshold - distance if above else threshold + distance
    series, at = [], 0
    for gap, value in gaps:
        at += gap
        series.append((at, value))
    side = "above" if above else "below"
    rule = Rule.model_validate(
        {"name": "r", "column": "uv_index", side: float(threshold), "clear": float(clear), "cooldown_minutes": float(cooldown), "recipients": ["x"]}
    )
    state, told = State(), []
    for at, value in series:
        state, kind = step(rule, state, minutes(at), value)
        if kind:
            told.append((kind, at))
    assert told == expected(series, threshold, clear, above, cooldown)


@given(st.lists(st.integers(-5, 5), max_size=30))
def test_breach_and_recovery_alternate_and_breaches_keep_their_distance(values: list[int]) -> None:
    rule = Rule.model_validate({"name": "r", "column": "uv_index", "above": 0.0, "clear": -2.0, "cooldown_minutes": 10.0, "recipients": ["x"]})
    state, told = State(), []
    for number, value in enumerate(values):
        state, kind = step(rule, state, minutes(3 * number), value)
        told += [(kind, minutes(3 * number))] if kind else []
    assert [kind for kind, _ in told] == ["breach", "recovery"] * (len(told) // 2) + ["breach"] * (len(told) % 2)
    breaches = [at for kind, at in told if kind == "breach"]
    assert all(later - earlier >= timedelta(minutes=10) for earlier, later in pairwise(breaches))

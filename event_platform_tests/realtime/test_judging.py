"""The collector's verdict on an event and the stage's never contradict each other."""

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_platform import partitions, sources
from event_platform.environment import Environment
from event_platform.errors import PermanentError
from event_platform.realtime.asking import LakeJudge
from event_platform.realtime.doubtless import Doubtless
from event_platform.realtime.judging import Judge, Verdict
from event_platform.realtime.kafka.wire import Encoder
from event_platform.sources.contract import Source

CLICK = {"username": "ada", "page": "/", "event_name": "click", "event_time": 1_767_225_600}
PAYMENT = {"event_id": "a", "timestamp": "2026-03-01T12:00:00Z", "domain": "account", "event_type": "creation", "data": {"id": 1}}
SOUND: dict[str, dict[str, Any]] = {"clickstream": CLICK, "payments": PAYMENT}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(tmp_path_factory.mktemp("judging") / "home")


def judged(environment: Environment, source: Source, *bodies: bytes) -> list[Verdict]:
    async def ask() -> list[Verdict]:
        judge = Judge(environment, source)
        try:
            return list(await asyncio.gather(*map(judge.judge, bodies)))
        finally:
            await judge.close()

    return asyncio.run(ask())


def array(*events: object) -> bytes:
    return b"[" + b",".join(event if isinstance(event, bytes) else json.dumps(event).encode() for event in events) + b"]"


def test_sound_events_are_kept_as_they_came(environment: Environment) -> None:
    (verdict,) = judged(environment, sources.get("clickstream"), array(CLICK, CLICK | {"event_id": "é", "note": {"x": [1]}}))
    assert verdict.accepted == 2
    assert verdict.lines == array(CLICK)[1:-1] + b"\n" + array(CLICK | {"event_id": "é", "note": {"x": [1]}})[1:-1] + b"\n"
    assert judged(environment, sources.get("clickstream"), json.dumps(CLICK).encode())[0].accepted == 1


def test_broken_ones_are_told_with_index_and_reason_and_the_others_kept(environment: Environment) -> None:
    broken = [CLICK | {"event_time": "noon"}, {**CLICK, "username": None}, 7, b'{"page":"/","page":"/"}']
    (verdict,) = judged(environment, sources.get("clickstream"), array(CLICK, *broken, CLICK))
    assert [(each.index, each.reason) for each in verdict.rejected] == [
        (1, "`event_time` is not a whole number of seconds since 1970"),
        (2, "`username` is missing"),
        (3, "JSON, but not an object"),
        (4, "a field is given twice"),
    ]
    assert verdict.accepted == 2


def test_pretty_printed_json_becomes_one_line(environment: Environment) -> None:
    bodies = (json.dumps([CLICK, CLICK], indent=2).encode(), json.dumps(CLICK, indent=1).encode().replace(b"\n", b"\r\n"))
    for verdict, count in zip(judged(environment, sources.get("clickstream"), *bodies), (2, 1), strict=True):
        assert [json.loads(line) for line in verdict.lines.splitlines()] == [CLICK] * count


@pytest.mark.parametrize("body", [b"", b"[", b"{}x", b'{"a":1,}', b"\xff", b"[" * 100_000, b'{"a":"\n"}', b"nul"])
def test_what_is_no_json_is_refused_whole(environment: Environment, body: bytes) -> None:
    with pytest.raises(PermanentError, match="not JSON"):
        judged(environment, sources.get("clickstream"), body)


def test_json_of_any_depth_is_judged_or_refused(environment: Environment) -> None:
    """Where the decoder gives up hangs on how deep the stack is already: every depth around there is tried."""

    async def ask() -> set[str]:
        judge, told = Judge(environment, sources.get("payments")), set[str]()
        for depth in range(940, 1_001):
            try:
                await judge.judge(json.dumps(PAYMENT).replace("1}", f"{'[' * depth}{']' * depth}}}").encode())
                told.add("judged")
            except PermanentError:
                told.add("refused")
        await judge.close()
        return told

    assert asyncio.run(ask()) == {"judged", "refused"}


def test_an_empty_array_is_nothing(environment: Environment) -> None:
    assert judged(environment, sources.get("clickstream"), b"[]") == [Verdict(b"", 0)]


def test_events_of_every_day_are_sound_beyond_doubt() -> None:
    today = partitions.today()
    click, payment = Doubtless(sources.get("clickstream"), today), Doubtless(sources.get("payments"), today)
    assert click.are_all(array(CLICK, CLICK | {"event_id": "a"}))
    assert click.is_one(array(CLICK | {"note": "é \\ /"})[1:-1])
    assert payment.are_all(array(PAYMENT, {**PAYMENT, "data": None}))
    tomorrow = int(datetime.combine(today + timedelta(days=2), datetime.min.time(), UTC).timestamp())
    assert click.are_all(array(CLICK | {"event_time": tomorrow - 1}))
    assert not click.are_all(array(CLICK | {"event_time": tomorrow}))


# The property.

TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", " ", "\t x", "a", "é", "\x00", "\ud800", "x" * 66, "x" * 67, "x" * 101, "ß" * 17, "ß" * 34, "\x7f", "!", "\xa0", '"']),
    st.sampled_from(["2026-03-01", "2026-02-30", "2026-03-01T12:00:00", "2026-03-01T12:00:00Z", "2026-03-01 12:00:00.5", "2026-03-01T24:00:00"]),
    st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-01T12:00:00+02:00", "1999-12-31T23:59:59Z", "2000-01-01", "٢٠٢٦-03"]),
)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(946_684_700, 2_000_000_000),
    st.floats(),
    st.sampled_from([0, -1, 1.0, 1e3, 1.5, 1e22, 1_767_225_600.0, 1_767_225_600.5, 946_684_799, 946_684_800, 2**63, 10**15]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
NOW = int(datetime.now(UTC).timestamp())


def soundish(source: Source) -> st.SearchStrategy[list[tuple[str, Any]]]:
    """Mostly sound objects as pairs: fields missing, of other types, given twice, unknown."""
    base = SOUND[source.name]
    fields = [column.path[0] for column in source.read_columns]
    pairs = st.tuples(st.sampled_from([*fields, "note", "a b"]), VALUES)
    near = st.tuples(st.just("event_time"), st.integers(NOW - 3 * 86_400, NOW + 3 * 86_400))
    added = st.lists(st.one_of(pairs, pairs, near), max_size=2)

    def put(changes: Sequence[tuple[str, Any]], replaces: bool, gone: set[str]) -> list[tuple[str, Any]]:
        kept = [(name, value) for name, value in base.items() if name not in gone and not (replaces and name in dict(changes))]
        return [*kept, *changes]

    return st.builds(put, added, st.sampled_from([True, True, True, False]), st.sets(st.sampled_from(fields), max_size=1) | st.just(set()))


def written(pairs: Sequence[tuple[str, Any]], ascii_only: bool) -> bytes:
    body = ", ".join(f"{json.dumps(name, ensure_ascii=ascii_only)}: {json.dumps(value, ensure_ascii=ascii_only)}" for name, value in pairs)
    return f"{{{body}}}".encode(errors="surrogatepass")


def is_json(event: bytes) -> bool:
    try:
        msgspec.json.decode(event, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


@pytest.fixture(scope="module")
def lakes(environment: Environment) -> Iterator[dict[str, LakeJudge]]:
    opened = {name: LakeJudge(environment, source) for name, source in SOURCES.items()}
    yield opened
    for each in opened.values():
        each.close()


SOURCES = {"clickstream": sources.get("clickstream"), "payments": sources.get("payments")}
EXAMPLES = int(os.environ.get("JUDGING_EXAMPLES", "60"))


@pytest.mark.parametrize("name", sorted(SOURCES))
@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_beyond_doubt_is_what_stage_takes(lakes: dict[str, LakeJudge], name: str, data: st.DataObject) -> None:
    events = [written(data.draw(soundish(SOURCES[name])), data.draw(st.booleans())) for _ in range(12)]
    doubtless = Doubtless(SOURCES[name], partitions.today())
    for event, reason in zip(events, lakes[name].reasons(events), strict=True):
        if doubtless.is_one(event) or doubtless.are_all(b"[" + event + b"]"):
            assert reason is None, event


@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_what_stage_takes_a_message_can_hold(lakes: dict[str, LakeJudge], data: st.DataObject) -> None:
    events = [written(data.draw(soundish(SOURCES["clickstream"])), data.draw(st.booleans())) for _ in range(12)]
    encoder = Encoder(SOURCES["clickstream"], 1)
    for event, reason in zip(events, lakes["clickstream"].reasons(events), strict=True):
        if reason is None and is_json(event):
            assert encoder.encode(event)

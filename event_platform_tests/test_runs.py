"""What a run that failed tells."""

from collections.abc import Iterator

import dagster as dg
from dagster import DagsterExecutionInterruptedError

from event_platform.errors import PlatformError
from event_platform.runs import _failures


def kinds(error: type[PlatformError] = PlatformError) -> Iterator[type[PlatformError]]:
    """Every error of the tree."""
    for kind in error.__subclasses__():
        yield kind
        yield from kinds(kind)


def failing(name: str, error: Exception, cause: Exception | None = None) -> dg.AssetsDefinition:
    @dg.asset(name=name)
    def fails() -> None:
        raise error from cause

    return fails


def told(*assets: dg.AssetsDefinition) -> list[str]:
    return sorted(_failures(dg.materialize(assets, raise_on_error=False)))


def test_every_error_of_the_platform_is_told_by_its_sentence_alone() -> None:
    names = sorted({kind.__name__ for kind in kinds()})
    assert {"UsageError", "RefusedError", "HeldBackError", "TornAnswerError"} < set(names)
    assets = [failing(kind.__name__, kind("the key: it is wrong"), KeyError("within")) for kind in kinds()]
    assert told(*assets) == [f"{name}: the key: it is wrong" for name in names]


def test_of_any_other_error_the_cause_is_told_with_its_name() -> None:
    assert told(failing("other", RuntimeError("outer"), ValueError("inner"))) == ["other: ValueError: inner"]


def test_an_interrupted_run_says_that_it_can_be_given_again() -> None:
    (interrupted,) = told(failing("asset", DagsterExecutionInterruptedError()))
    assert interrupted == "asset: it was interrupted; nothing is half done, and the same command goes on where this one stopped"

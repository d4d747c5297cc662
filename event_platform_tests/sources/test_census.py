"""The census: every line is a person, a comment, blank, or in quarantine for a reason; people who are alike stay as many as they are."""

from pathlib import Path

import pytest

from event_platform import environment, sources
from event_platform_tests.pipeline import Pipeline

ALIKE = "25, Private, 308144, Bachelors, 13, Never-married, Craft-repair, Not-in-family, White, Male, 0, 0, 40, Mexico, <=50K"
UNKNOWN = "54, ?, 180211, Some-college, 10, Married-civ-spouse, ?, Husband, Asian-Pac-Islander, Male, 0, 0, 60, ?, >50K"
DATA = [ALIKE, UNKNOWN, ALIKE, ALIKE.replace("25", "B", 1), ALIKE.replace("Bachelors", "Batchelor"), ""]
TEST = ["|1x3 Cross validator", f"{ALIKE}.", f"{UNKNOWN}.", ""]


@pytest.fixture
def census(home: Path) -> Pipeline:  # noqa: ARG001 - sets the home
    return Pipeline(sources.get("census"))


def test_people_are_cleaned_and_those_alike_are_kept(census: Pipeline) -> None:
    census.drop("Adult.data", DATA)
    census.drop("Adult.test", TEST)
    census.run_well()
    found = census.sql('SELECT part, age, workclass, "native-country", "hours-per-week", class, label FROM trusted.census ORDER BY ALL')
    assert found == [
        ("test", 25, "Private", "Mexico", 40, "<=50K", "<=50K."),
        ("test", 54, None, None, 60, ">50K", ">50K."),
        *[("training", 25, "Private", "Mexico", 40, "<=50K", "<=50K")] * 2,
        ("training", 54, None, None, 60, ">50K", ">50K"),
    ]
    assert census.sql("SELECT count(DISTINCT person_id) FROM trusted.census") == [(5,)]
    assert census.sql("SELECT line_number, reason FROM quarantine.census ORDER BY ALL") == [
        (4, "`age` is not a whole number of 64 bits"),
        (5, "`education` is none of the accepted values"),
    ]
    assert census.status().balanced


def test_the_same_people_again_are_the_same_people(census: Pipeline) -> None:
    census.drop("Adult.data", [ALIKE, ALIKE])
    census.run_well()
    census.drop("Adult.data", [UNKNOWN, ALIKE, ALIKE, ALIKE])
    census.run_well()
    assert census.sql("SELECT age, count(*) FROM trusted.census GROUP BY age ORDER BY age") == [(25, 3), (54, 1)]


def test_answers_by_education(census: Pipeline) -> None:
    census.drop("Adult.data", [ALIKE, UNKNOWN, ALIKE])
    census.run_well()
    found = census.sql('SELECT "education-num", education, class, people, represented FROM aggregate.census_income ORDER BY 1')
    assert found == [(10, "Some-college", ">50K", 1, 180211), (13, "Bachelors", "<=50K", 2, 616288)]


def test_people_who_stand_for_more_than_can_be_counted_leave_the_others_with_an_answer(census: Pipeline) -> None:
    census.drop("Adult.data", [ALIKE.replace("308144", str(2**63 - 1))] * 2 + [UNKNOWN])
    census.run_well()
    assert census.sql("SELECT people, represented FROM aggregate.census_income ORDER BY 1") == [(1, 180211), (2, None)]


REAL = environment.CHECKOUT / "data" / "census"


@pytest.mark.skipif(not (REAL / "Adult.test").exists(), reason="the files of the census are not in data/census")
def test_the_whole_census(census: Pipeline) -> None:
    for name in ("Adult.data", "Adult.test"):
        census.drop(name, (REAL / name).read_bytes())
    census.run_well()
    people = census.sql(
        "SELECT part, count(*) FROM trusted.census GROUP BY part UNION ALL SELECT reason, count(*) FROM quarantine.census GROUP BY reason"
    )
    in_quarantine = [count for name, count in people if "is not a whole number" in str(name)]
    assert sum(int(str(count)) for _, count in people) == 48_842
    assert len(in_quarantine) == len(people) - 2
    assert census.sql("SELECT count(*) FROM trusted.census WHERE class NOT IN ('>50K', '<=50K') OR workclass = '?'") == [(0,)]
    assert census.status().balanced

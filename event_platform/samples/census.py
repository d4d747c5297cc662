"""Made-up people in the lines of the census files Adult.data and Adult.test: their shape and spelling, nobody's data.

Two thirds are in `Adult.data`, the others in `Adult.test`, which begins with a comment and ends the class with a point; both end with a blank line.
Unknown fields are `?`. Income rises with education, age and hours worked. Values come from MD5, which gives the same everywhere and for ever.
"""

from __future__ import annotations

from pathlib import Path

from event_platform.errors import UsageError
from event_platform.sources.census import COUNTRIES, EDUCATIONS, MARITAL_STATUSES, OCCUPATIONS, RACES, RELATIONSHIPS, WORKCLASSES

COMMENT = "|1x3 Cross validator\n"

SCHOOLING = {"11th": 3, "12th": 2, "HS-grad": 32, "Some-college": 22, "Assoc-voc": 4, "Assoc-acdm": 4, "Bachelors": 17, "Masters": 6}
"""Of a hundred people so many have this level; the others have any."""

FRACTION = """
    CREATE TEMP MACRO fraction(person, topic) AS
        CAST(md5_number_lower(concat_ws('/', {seed}, person, topic)) >> 11 AS DOUBLE) / 9007199254740992"""
"""A number in [0, 1) that follows from seed, person and topic: the upper 53 bits of a hash."""

ONE_OF = "CREATE TEMP MACRO one_of(words, person, topic) AS words[1 + CAST(floor(fraction(person, topic) * len(words)) AS BIGINT)]"

LINES = """
    WITH drawn AS (
        SELECT
            person,
            17 + CAST(floor(fraction(person, 'age') ** 1.4 * 64) AS BIGINT) AS age,
            one_of($schooling, person, 'education') AS education,
            10 + CAST(floor(20 * (fraction(person, 'hours') + fraction(person, 'more hours') + fraction(person, 'yet more'))) AS BIGINT) AS hours,
            fraction(person, 'employer') < 0.05 AS is_unknown,
            fraction(person, 'gain') < 0.08 AS has_gain
        FROM range($first, $stop) AS people(person)
    ), weighed AS (
        SELECT
            *,
            list_position($educations, education) AS level,
            1 / (1 + exp(1.2 - 0.45 * (level - 10) - 0.05 * (least(age, 60) - 40) - 0.04 * (hours - 40))) AS chance
        FROM drawn
    )
    SELECT string_agg(concat_ws(
        ', ',
        age,
        CASE WHEN is_unknown THEN '?' WHEN fraction(person, 'private') < 0.7 THEN 'Private' ELSE one_of($workclasses, person, 'workclass') END,
        20000 + CAST(floor(fraction(person, 'weight') * 380000) AS BIGINT),
        education,
        level,
        one_of($marital_statuses, person, 'marital'),
        CASE WHEN is_unknown THEN '?' ELSE one_of($occupations, person, 'occupation') END,
        one_of($relationships, person, 'relationship'),
        one_of($races, person, 'race'),
        one_of(['Female', 'Male'], person, 'sex'),
        CASE WHEN has_gain THEN CAST(floor(fraction(person, 'how much') * 15000) AS BIGINT) ELSE 0 END,
        0,
        hours,
        CASE
            WHEN fraction(person, 'abroad') < 0.02 THEN '?'
            WHEN fraction(person, 'abroad') < 0.9 THEN 'United-States'
            ELSE one_of($countries, person, 'country')
        END,
        CASE WHEN fraction(person, 'class') < chance THEN '>50K' ELSE '<=50K' END || $ending
    ) || chr(10), '' ORDER BY person)
    FROM weighed"""


def write_sample(folder: Path, *, seed: int = 1, people: int = 1_000) -> list[Path]:
    """Write so many people to `Adult.data` and `Adult.test`, and give the two files.

    The same arguments give the same bytes. Raises UsageError when there are fewer than 3 people, who would leave a file empty.
    """
    if people < 3:
        raise UsageError(f"A sample needs at least 3 people, not {people}.")
    cut = people * 2 // 3
    folder.mkdir(parents=True, exist_ok=True)
    data, test = folder / "Adult.data", folder / "Adult.test"
    data.write_text(f"{_lines(seed, 0, cut, '')}\n", encoding="utf-8")
    test.write_text(f"{COMMENT}{_lines(seed, cut, people, '.')}\n", encoding="utf-8")
    return [data, test]


def _lines(seed: int, first: int, stop: int, ending: str) -> str:
    """The people numbered [first, stop), one a line; `ending` stands after the class."""
    import duckdb

    common = [word for word, share in SCHOOLING.items() for _ in range(share)]
    words = {
        "schooling": [*common, *(EDUCATIONS[number % len(EDUCATIONS)] for number in range(100 - len(common)))],
        "educations": list(EDUCATIONS),
        "workclasses": list(WORKCLASSES),
        "marital_statuses": list(MARITAL_STATUSES),
        "occupations": list(OCCUPATIONS),
        "relationships": list(RELATIONSHIPS),
        "races": list(RACES),
        "countries": list(COUNTRIES),
    }
    with duckdb.connect(config={"threads": 1}) as duck:
        duck.execute(FRACTION.format(seed=int(seed)))
        duck.execute(ONE_OF)
        found = duck.execute(LINES, {**words, "first": first, "stop": stop, "ending": ending}).fetchone()
    return str(found[0]) if found else ""

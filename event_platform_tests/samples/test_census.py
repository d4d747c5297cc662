"""Made-up people that look like the census files, and pass its contract."""

from pathlib import Path

import pytest

from event_platform import sources
from event_platform.errors import UsageError
from event_platform.landing import queue
from event_platform.samples.census import write_sample
from event_platform_tests.pipeline import Pipeline


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first, again, other = ([path.read_bytes() for path in write_sample(tmp_path / str(number), seed=seed)] for number, seed in enumerate([1, 1, 2]))
    assert first == again
    assert first != other


def test_the_files_have_what_real_ones_have(tmp_path: Path) -> None:
    data, test = (path.read_text() for path in write_sample(tmp_path))
    assert test.startswith("|1x3 Cross validator\n")
    assert data.endswith("\n\n")
    assert "?" in data
    assert {line.rsplit(", ", 1)[1] for line in data.splitlines() if line} == {"<=50K", ">50K"}
    assert {line.rsplit(", ", 1)[1] for line in test.splitlines()[1:] if line} == {"<=50K.", ">50K."}


@pytest.mark.usefixtures("home")
def test_everybody_becomes_trusted(tmp_path: Path) -> None:
    pipeline = Pipeline(sources.get("census"))
    queue.land(pipeline.lake.environment, pipeline.source, write_sample(tmp_path, people=300))
    pipeline.run_well()
    assert pipeline.sql("SELECT part, count(*) FROM trusted.census GROUP BY ALL ORDER BY ALL") == [("test", 100), ("training", 200)]
    assert pipeline.status().total.quarantined == 0


def test_so_few_people_that_a_file_is_empty_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 3"):
        write_sample(tmp_path, people=2)

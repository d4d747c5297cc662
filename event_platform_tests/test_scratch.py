"""What killed processes leave in the scratch folder is swept; what others use stays."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from event_platform import scratch
from event_platform.environment import Environment
from event_platform.errors import TransientError

HOLDS = """
import signal, sys
from pathlib import Path
from event_platform.scratch import passing_folder
with passing_folder(Path(sys.argv[1]), "claim-") as folder:
    (folder / "fetched").write_text("x")
    print(folder, flush=True)
    signal.pause()
"""


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLDS, str(Environment(tmp_path).scratch)], stdout=subprocess.PIPE, text=True)


def test_folders_of_killed_processes_are_swept_and_no_others(holder: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert holder.stdout
    folder = Path(holder.stdout.readline().strip())
    here = Environment(tmp_path)
    cached = here.cache / "object"
    cached.parent.mkdir()
    cached.write_text("x")
    assert scratch.sweep(here) == 0  # too new to say
    monkeypatch.setattr(scratch, "NEW_SECONDS", -1)
    with scratch.passing_folder(here.scratch, "write-") as mine:
        assert scratch.sweep(here) == 0
        holder.kill()
        holder.communicate()
        assert folder.is_dir()
        assert scratch.sweep(here) == 1
        assert mine.is_dir()
    assert ([*here.scratch.iterdir()], cached.exists()) == ([here.cache], True)


def test_a_full_disk_passes_and_is_no_matter_of_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(scratch, "TemporaryDirectory", full)
    with pytest.raises(TransientError, match="is full"), scratch.passing_folder(tmp_path, "write-"):
        raise AssertionError


def test_there_may_be_nothing_to_sweep(tmp_path: Path) -> None:
    assert scratch.sweep(Environment(tmp_path / "missing")) == 0

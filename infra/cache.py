"""What Maven's repository and PyPI give, kept outside the checkout: `~/.cache/event-platform`, or where XDG_CACHE_HOME says.

A folder is named after the hash of the file that lists what is in it, so a changed list is fetched anew. It appears whole,
in one step, whoever else fetches it at the same moment.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from infra.errors import InfraError

HERE = Path(__file__).parent
FETCH_SECONDS = 1800
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.8"


def jars(server: str) -> Path:
    """The folder with what `infra/<server>/pom.xml` lists, fetched the first time. Raises InfraError."""
    return cached(server, HERE / server / "pom.xml", _fetch)


def cached(name: str, listed: Path, fetch: Callable[[Path, Path], None]) -> Path:
    """The folder of what a file lists; fetched into a folder beside it and renamed, by one process while others wait."""
    target = user_cache_path("event-platform") / f"{name}-{hashlib.sha256(listed.read_bytes()).hexdigest()[:16]}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        with FileLock(f"{target}.lock"):
            if not target.exists():
                begun = target.with_suffix(".part")
                shutil.rmtree(begun, ignore_errors=True)
                fetch(listed, begun)
                begun.rename(target)
    return target


def packages(name: str) -> Path:
    """The folder with the Python packages of `infra/<name>/requirements.txt`, for a process of its own. Raises InfraError."""
    listed = HERE / name / "requirements.txt"
    return cached(name, listed, install)


def class_path(server: str) -> str:
    """All jars of a server as Java's `-cp` takes them."""
    return str(jars(server) / "*")


def install(requirements: Path, folder: Path) -> None:
    """The packages that a file lists, each in the version it says, and no others. Raises InfraError."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(folder), "-r"]
    done = subprocess.run([*command, str(requirements)], capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    if done.returncode != 0:
        raise InfraError(f"pip could not fetch what {requirements} lists: {done.stderr.strip()[-500:]}")


def _fetch(pom: Path, folder: Path) -> None:
    """What Maven copies, archives among it unpacked."""
    _maven(pom, folder)
    for archive in [*folder.glob("*.tar.gz"), *folder.glob("*.zip")]:
        _unpack(archive, folder)


def _maven(pom: Path, folder: Path) -> None:
    if not shutil.which("mvn"):
        raise InfraError(f"Maven (`mvn`) is not here, which fetches what {pom} lists. Install it, for instance `apt-get install maven`.")
    goal = "copy" if "<artifactItems>" in pom.read_text() else "copy-dependencies"
    command = ["mvn", "--batch-mode", "--quiet", "-f", str(pom), f"{PLUGIN}:{goal}", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    if done.returncode != 0 or not folder.exists():
        said = [line for line in done.stdout.splitlines() if "ERROR" in line][:3]
        raise InfraError(f"Maven could not fetch what {pom} lists: {' '.join(said)}")


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
    archive.unlink()

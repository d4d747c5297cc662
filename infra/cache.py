"""What Maven's repository gives, kept outside the checkout: `~/.cache/event-platform`, or where XDG_CACHE_HOME says.

A folder is named after the hash of its `pom.xml`, so a changed pom is fetched anew. It appears whole, in one step, whoever else fetches it at
the same moment.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from infra.errors import InfraError

HERE = Path(__file__).parent
MAVEN_SECONDS = 1800
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.8"


def jars(server: str) -> Path:
    """The folder with what `infra/<server>/pom.xml` lists, fetched the first time. Raises InfraError."""
    pom = HERE / server / "pom.xml"
    target = user_cache_path("event-platform") / f"{server}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{target}.lock"):
            if not target.exists():
                _fetch(pom, target)
    return target


def class_path(server: str) -> str:
    """All jars of a server as Java's `-cp` takes them."""
    return str(jars(server) / "*")


def _fetch(pom: Path, target: Path) -> None:
    """Fetch into a folder beside it, unpack archives there, then rename."""
    begun = target.with_suffix(".part")
    shutil.rmtree(begun, ignore_errors=True)
    _maven(pom, begun)
    for archive in [*begun.glob("*.tar.gz"), *begun.glob("*.zip")]:
        _unpack(archive, begun)
    begun.rename(target)


def _maven(pom: Path, folder: Path) -> None:
    if not shutil.which("mvn"):
        raise InfraError(f"Maven (`mvn`) is not here, which fetches what {pom} lists. Install it, for instance `apt-get install maven`.")
    command = ["mvn", "--batch-mode", "--quiet", "-f", str(pom), f"{PLUGIN}:copy-dependencies", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=MAVEN_SECONDS, check=False)
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

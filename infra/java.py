"""Which Java there is on this machine."""

from __future__ import annotations

import os
import re
import shutil
from functools import cache
from pathlib import Path

from infra.errors import InfraError

FOLDERS = ("/usr/lib/jvm/*", "/opt/java/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home")


@cache
def home(least: int, most: int) -> Path | None:
    """The folder of a Java whose version lies in the range, both included; JAVA_HOME first, then the one on the PATH, then those installed."""
    return next((folder for folder in _candidates() if least <= _version(folder) <= most), None)


def java(least: int, most: int) -> str:
    """The program `java` of such a version. Raises InfraError."""
    found = home(least, most)
    if found is None:
        raise InfraError(f"Java {least} is not here. Install it, for instance `apt-get install openjdk-{least}-jre-headless`, or set JAVA_HOME.")
    return str(found / "bin" / "java")


def _candidates() -> list[Path]:
    named = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    first = [Path(named)] if named else []
    second = [Path(on_path).resolve().parent.parent] if on_path else []
    installed = [folder for pattern in FOLDERS for folder in sorted(Path("/").glob(pattern.lstrip("/")))]
    return [folder for folder in (*first, *second, *installed) if (folder / "bin" / "java").exists()]


def _version(folder: Path) -> int:
    """The number before the first dot in the file `release` that each Java carries; 0 when there is none."""
    release = folder / "release"
    found = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE) if release.exists() else None
    return int(found[1]) if found else 0


def opened(*packages: str) -> list[str]:
    """Options for a Java program that looks into these packages of `java`, which Java 17 forbids unless told."""
    return [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in packages]

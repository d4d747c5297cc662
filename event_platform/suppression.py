"""Who was erased and must not come back: per source, salted hashes of subjects (`KEY=VALUE`), never the values themselves.

The list and its salt lie in `privacy/` of the home, readable by their owner alone. Without the salt a hash tells nothing; with it, it can be tried
whether somebody is on the list. Homes that claim files of the same lake need the same folder.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import FileLock

from event_platform.errors import ConfigurationError
from event_platform.lake import files

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source, Subject

SALT_BYTES = 32
VARIABLE, TABLE = "suppression_salt", "suppressed"
"""Under which a connection knows the salt and the hashes: neither stands in the text of a statement, which might be shown."""


@dataclass(frozen=True)
class Suppression:
    """The list of one home."""

    folder: Path

    @classmethod
    def of(cls, environment: Environment) -> Suppression:
        """The list of the home; nothing is made before somebody is put on it."""
        return cls(environment.privacy)

    def hash(self, key: str, value: str) -> str:
        """What stands for a subject on the list, and in receipts. Makes the salt if there is none; raises ConfigurationError when it was lost."""
        return hashlib.sha256(f"{self._salt()}{key}={value}".encode()).hexdigest()

    def of_source(self, source: Source) -> list[str]:
        """The hashes that the list has for a source."""
        return self._read().get(source.name, [])

    def add(self, source: Source, hashed: str) -> bool:
        """Put a hash on the list; whether it was not there before."""
        with self._changing() as listed:
            known = listed.setdefault(source.name, [])
            if hashed in known:
                return False
            known.append(hashed)
        return True

    def remove(self, source: Source, hashed: str) -> None:
        """Take a hash off the list again."""
        with self._changing() as listed:
            listed[source.name] = [each for each in listed.get(source.name, []) if each != hashed]

    def tell(self, duck: duckdb.DuckDBPyConnection, hashes: list[str]) -> None:
        """Make a connection know the salt and these hashes, so that `is_suppressed` can be asked."""
        duck.execute(f"SET VARIABLE {VARIABLE} = $1", [self._salt()])
        duck.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} (hash VARCHAR)")
        duck.execute(f"INSERT INTO {TABLE} SELECT unnest($1::VARCHAR[])", [hashes])

    def _salt(self) -> str:
        path = self.folder / "salt"
        with files.explained(f"Keeping {path}"):
            if not path.exists():
                with self._lock():
                    if not path.exists():
                        self._require_empty(path)
                        files.write_private(path, secrets.token_hex(SALT_BYTES))
            return path.read_text(encoding="ascii")

    def _require_empty(self, salt: Path) -> None:
        """Raise ConfigurationError when somebody is on the list: with another salt they would come back unnoticed."""
        if any(self._read().values()):
            raise ConfigurationError(
                f"{salt} is gone, without which nobody who was erased can be told from others. Put it back; if it is lost, "
                "move suppressed.json beside it away, and erase these persons again."
            )

    def _read(self) -> dict[str, list[str]]:
        path = self.folder / "suppressed.json"
        with files.explained(f"Reading {path}"):
            listed: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return listed

    @contextmanager
    def _changing(self) -> Iterator[dict[str, list[str]]]:
        with files.explained(f"Writing {self.folder / 'suppressed.json'}"), self._lock():
            listed = self._read()
            yield listed
            files.write_private(self.folder / "suppressed.json", json.dumps(listed, indent=1, sort_keys=True))

    def _lock(self) -> FileLock:
        files.make_folder(self.folder).chmod(0o700)
        return FileLock(self.folder / "suppression.lock")


def is_suppressed(subject: Subject, value: str) -> str:
    """Whether a text, as SQL, is the value of a suppressed subject; false for NULL."""
    key = subject.key.replace("'", "''")
    return f"coalesce(sha256(getvariable('{VARIABLE}') || '{key}=' || {value}) IN (SELECT hash FROM {TABLE}), false)"

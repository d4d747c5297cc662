"""Fetch what servers are made of before they are started: `python -m infra.fetching kafka trino`. Who needs one of them waits for that alone."""

from __future__ import annotations

import sys
from contextlib import suppress

from infra.cache import jars
from infra.errors import InfraError

if __name__ == "__main__":
    for server in sys.argv[1:]:
        with suppress(InfraError):  # told to whoever starts it
            jars(server)

"""Starting the notebook's server, on this machine alone and with a token: whoever reaches it may query the lake."""

from __future__ import annotations

import errno
import shutil
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from event_platform import home
from event_platform.errors import ConfigurationError, TransientError

if TYPE_CHECKING:
    from event_platform.environment import Environment

NOTEBOOK = Path(__file__).with_name("notebook.py")


def command(environment: Environment, *, port: int, headless: bool, edit: bool, reveal: bool) -> list[str]:
    """The command line of the server. To edit is to edit `explore.py` in the home, a copy of the notebook made the first time.

    Raises ConfigurationError when the extra `explore` is not installed, TransientError when another program listens on the port.
    """
    if missing := [name for name in ("marimo", "altair") if find_spec(name) is None]:
        raise ConfigurationError(f"The notebook needs {' and '.join(missing)}, not installed here: pip install 'event-platform[explore]'.")
    _require_free(port)
    notebook = _own_copy(environment) if edit else NOTEBOOK
    options = ["--host", "127.0.0.1", "--port", str(port), "--token", *(["--headless"] if headless else [])]
    return [
        *(sys.executable, "-m", "marimo", "-y", "edit" if edit else "run", str(notebook)),
        *options,
        *(["--skip-update-check"] if edit else []),
        *(["--", "--reveal"] if reveal else []),
    ]


def _require_free(port: int) -> None:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            why = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror
            raise TransientError(f"Port {port} cannot be used ({why}). End that program, or choose another port with --port.") from error


def _own_copy(environment: Environment) -> Path:
    copy = environment.home / "explore.py"
    if not copy.exists():
        home.made(environment.home)
        shutil.copyfile(NOTEBOOK, copy)
    return copy

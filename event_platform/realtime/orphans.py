"""A worker process ends when it is told to, also before it is ready, and when the one that started it ends, however that ended."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_when_told() -> None:
    """Have workers that are forked from now on end at SIGTERM until they handle it themselves.

    They would begin with the handler of the process that starts them, which does nothing in them: told to end as they begin they would go on,
    until they are killed, or for ever if that process is gone. No signal is lost between the fork and the change. Ctrl-C, which reaches them too,
    is left to that process.
    """
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM}),
        after_in_child=_as_any_process,
    )


def _as_any_process() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def end_with_parent() -> None:
    """Have the kernel send this process SIGTERM when its parent ends; on Linux, elsewhere nothing (prctl(2)). If it has ended already, end now."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = multiprocessing.parent_process()
    if parent and not parent.is_alive():
        os._exit(1)  # nothing was taken yet

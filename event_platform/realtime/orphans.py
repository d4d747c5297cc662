"""A worker process ends when the one that started it does, however that ended: else it would go on listening unseen."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have the kernel send this process SIGTERM when its parent ends; on Linux, elsewhere nothing (prctl(2)). If it has ended already, end now."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = multiprocessing.parent_process()
    if parent and not parent.is_alive():
        os._exit(1)  # nothing was taken yet

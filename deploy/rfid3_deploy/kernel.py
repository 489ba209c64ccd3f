"""What does the suite ask of the kernel about its processes? Names, and an end that no crash can prevent.

On systems other than Linux these calls do nothing: there a killed parent may leave its children behind.
"""

import ctypes
import os
import signal
import sys
from functools import cache
from typing import Any

PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36
NAME_BYTES = 15


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def name_process(name: str) -> None:
    """Show this process under `name` in ps and top; the kernel keeps the first 15 bytes."""
    if libc := _libc():
        libc.prctl(PR_SET_NAME, name.encode()[:NAME_BYTES], 0, 0, 0)


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel send SIGTERM when the parent ends, however it ends; exit at once if it already has."""
    if libc := _libc():
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)


def adopt_orphans() -> None:
    """Become the parent of grandchildren whose own parent was killed, so that stopping the suite finds them."""
    if libc := _libc():
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

"""May this process be forked, and how are modules imported so that it may? A fork takes one thread along, with the locks of all.

Used wherever processes are forked from a preloaded one: the suite's parent, and a worker's nursery.
"""

import contextlib
import os
from collections.abc import Iterator

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class NotForkSafe(RuntimeError):
    """This process has several threads; those that do not fork would be missing in every child, their locks held."""


def running_threads() -> int:
    """How many threads this process has, those of libraries included; 1 where the kernel does not tell."""
    try:
        return len(os.listdir("/proc/self/task"))
    except FileNotFoundError:
        return 1


def refuse_threads() -> None:
    """Raises NotForkSafe when this process has more than one thread."""
    if (threads := running_threads()) > 1:
        raise NotForkSafe(f"{threads} threads run before the fork; they would be missing in every child")


@contextlib.contextmanager
def importing_starts_no_threads() -> Iterator[None]:
    """Numpy's linear algebra starts a pool of threads when it is imported, unless the environment says not to."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

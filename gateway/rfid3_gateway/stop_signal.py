"""How does the gateway learn that it shall stop, before its server waits for open answers to end?

An ASGI server tells its app only when all of them have ended; a stream that waits for that would hold everything up.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_stop(notice: Callable[[], None]) -> Iterator[None]:
    """Call `notice` when the process is told to stop, then whatever the server set up for that.

    Does nothing outside the main thread, or for a signal nobody handles.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    theirs = {number: handler for number in SIGNALS if callable(handler := signal.getsignal(number))}

    def tell(number: int, frame: FrameType | None) -> None:
        notice()
        theirs[signal.Signals(number)](number, frame)

    for number in theirs:
        signal.signal(number, tell)
    try:
        yield
    finally:
        for number, handler in theirs.items():
            if signal.getsignal(number) is tell:
                signal.signal(number, handler)

"""What happens inside the process of one job?

Forked by a nursery, or started as `python -m rfid3_shared.jobs.work <module:function>`. One JSON object comes in on standard input:
{settings_class, settings, arguments, niceness}; JSON lines go out on standard output: {stage, progress} while it works, then {result}
or {error: {code, message, retryable}}. The function is `async def run(settings, arguments, progress) -> dict`; its
`arguments["job_id"]` names the job. What it publishes must be idempotent: a job may run twice.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

import orjson
from pydantic import BaseModel

from rfid3_shared.clock import Clock
from rfid3_shared.errors import AppError
from rfid3_shared.jobs.progress import LineProgress
from rfid3_shared.log import configure_logging, get_logger

SERVER_FAULT = 500
"""Status from which a fault is ours and not the request's."""
FAILED = {"code": "SYSTEM_ERROR", "message": "The job failed on our side. The worker's log says where.", "retryable": False}


def locate(path: str) -> Any:
    """The object that `package.module:name` names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def _private_stdout() -> Callable[[dict[str, Any]], None]:
    """A writer to the real standard output; from now on prints of libraries go to standard error instead."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def write(message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):
            out.write(orjson.dumps(message) + b"\n")

    return write


def _read_request() -> dict[str, Any]:
    """The first line of standard input; what follows is only ever its end."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 65536)
        if not part:
            raise EOFError("the request ended early")
        line += part
    return orjson.loads(line)  # type: ignore[no-any-return]


def _die_with_worker() -> None:
    """End this whole process group when standard input ends, that is when the worker is gone, however it went.

    PR_SET_PDEATHSIG would end this process but not the processes it started itself, and only on Linux.
    """

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="die-with-worker", daemon=True).start()


def _yield_to_others(niceness: int) -> None:
    os.nice(niceness)
    # when memory runs out the kernel shall take the job, which runs again, not the gateway or the database
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")


def _settings_of(request: dict[str, Any]) -> Any:
    """The worker's settings as they are: complete, so this process's environment and `.env` have no say and are not read."""
    kind = locate(request["settings_class"])
    settings = kind.__new__(kind)
    BaseModel.__init__(settings, **request["settings"])
    return settings


def _failure(fault: Exception) -> dict[str, Any]:
    if isinstance(fault, AppError):
        return {"code": fault.code, "message": fault.message, "retryable": fault.retryable}
    return FAILED


def main(path: str) -> int:
    """Run the function and report; 0 when it gave a result."""
    write = _private_stdout()
    request = _read_request()
    _die_with_worker()
    settings = _settings_of(request)
    configure_logging(f"job {path}", settings.log_level)
    log = get_logger("jobs.work")
    _yield_to_others(request["niceness"])
    try:
        function = locate(path)
        result = asyncio.run(function(settings, request["arguments"], LineProgress(write, Clock())))
        line = {"result": result}
        orjson.dumps(line)
    except Exception as fault:
        job_id = request["arguments"].get("job_id")
        if isinstance(fault, AppError) and fault.status < SERVER_FAULT:
            # whoever asked is told why, in words; where in the code that was found is nobody's question
            log.warning("job_refused", job_id=job_id, code=fault.code, reason=fault.message)
        else:
            log.error("job_failed", job_id=job_id, exc_info=fault)
        write({"error": _failure(fault)})
        return 1
    write(line)
    return 0


if __name__ == "__main__":
    # the exit is immediate: threads a library left behind must not keep a finished job alive
    code = main(sys.argv[1])
    sys.stderr.flush()
    os._exit(code)

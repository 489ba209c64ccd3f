"""A small real HTTP server that stands for a provider outside: it answers as the test says, slowly, wrongly, hugely or not at all."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Reply:
    """What is answered; `hangs`: after that many bytes nothing more comes until the test ends."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    hangs: int | None = None


class Outsider:
    """The server's behaviour: `answers` by path, each a function of the request; `asked` is what came in."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Asked], Reply]] = {}
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self.url = ""

    def says(self, path: str, *replies: Reply) -> None:
        """Answer a path with these replies in turn; the last one stays."""
        left = list(replies)
        self.answers[path] = lambda _: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def outsider() -> Iterator[Outsider]:
    """A server on a free port of this machine."""
    plan = Outsider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(
                parts.path,
                {k: v[0] for k, v in parse_qs(parts.query).items()},
                {k.lower(): v for k, v in self.headers.items()},
                self.rfile.read(int(self.headers.get("Content-Length", 0))),
            )
            plan.asked.append(asked)
            reply = plan.answers.get(parts.path, lambda _: Reply(404))(asked)
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(reply.body if reply.hangs is None else reply.body[: reply.hangs])
                if reply.hangs is not None:
                    plan.over.wait(30)
                    self.close_connection = True
            except OSError:
                self.close_connection = True

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    plan.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield plan
    finally:
        plan.over.set()
        server.shutdown()
        server.server_close()
        thread.join()

"""Listening sockets, bound before anything is forked."""

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from rfid3_deploy.sockets import PortTaken, listen, listen_near, port_of, status_of


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A port somebody listens on."""
    with listen(0) as sock:
        yield sock


class TestListen:
    def test_refuses_a_taken_port_in_plain_words(self, taken: socket.socket) -> None:
        """Whoever starts the gateway learns which port is taken and how to choose another."""
        with pytest.raises(PortTaken, match=str(port_of(taken))) as refused:
            listen(port_of(taken))

        assert refused.value.details["set_another"].startswith("RFID3_PORT=")

    def test_keeps_callers_waiting_before_anyone_accepts(self, taken: socket.socket) -> None:
        """A process that is being started again costs its callers time, not an error."""
        with socket.create_connection(("127.0.0.1", port_of(taken)), 1):
            pass


class TestListenNear:
    def test_takes_another_port_when_its_own_is_taken(self, taken: socket.socket) -> None:
        """Two suites on one machine do not fight for the services' ports."""
        with listen_near(port_of(taken)) as sock:
            assert port_of(sock) not in (0, port_of(taken))


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers 200 to /ready and 404 to everything else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class TestStatusOf:
    def test_tells_the_status_of_a_server(self) -> None:
        """The status line of a real HTTP server."""
        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()

            statuses = [status_of(server.server_port, path) for path in ("/ready", "/elsewhere")]
            server.shutdown()

        assert statuses == [200, 404]

    def test_is_zero_when_nobody_answers(self, taken: socket.socket) -> None:
        """A socket whose process is not up yet, and a port without a socket."""
        port = port_of(taken)
        waiting = status_of(port, "/ready", timeout_s=0.05)
        taken.close()

        assert (waiting, status_of(port, "/ready")) == (0, 0)

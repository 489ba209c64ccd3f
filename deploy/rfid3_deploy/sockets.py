"""Where do the processes listen, and does one answer there?

The parent binds every address before it forks: a port somebody else holds is noticed at once, and while a crashed process is
started again its callers wait in the queue of the socket instead of being refused.
"""

import errno
import socket

from rfid3_shared.errors import AppError

HOST = "127.0.0.1"
BACKLOG = 2048


class PortTaken(AppError):
    """Somebody else listens on the port the gateway should have."""

    status, code = 503, "PORT_TAKEN"


def listen(port: int) -> socket.socket:
    """A listening socket on the port of this host; 0 picks a free one.

    Raises PortTaken.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as fault:
        sock.close()
        if fault.errno in (errno.EADDRINUSE, errno.EACCES):
            reason = "taken by another program" if fault.errno == errno.EADDRINUSE else "not allowed for this user"
            hint = f"RFID3_PORT={port + 1 if port >= 1024 else 8100} make run"
            raise PortTaken(f"Port {port} is {reason}.", set_another=hint) from fault
        raise
    sock.listen(BACKLOG)
    return sock


def listen_near(port: int) -> socket.socket:
    """A listening socket on the port, or on a free one when it is taken: for services, whose address only the gateway needs."""
    try:
        return listen(port)
    except PortTaken:
        return listen(0)


def port_of(sock: socket.socket) -> int:
    """The TCP port a socket is bound to."""
    return int(sock.getsockname()[1])


def status_of(port: int, path: str, timeout_s: float = 1.0) -> int:
    """The HTTP status a local process answers for a path; 0 when it does not answer in time.

    Written on a plain socket because the parent of all processes keeps no HTTP client in memory.
    """
    try:
        with socket.create_connection((HOST, port), timeout_s) as sock:
            sock.settimeout(timeout_s)
            sock.sendall(f"GET {path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n".encode())
            words = sock.recv(64).split(b" ", 2)
    except OSError:
        return 0
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

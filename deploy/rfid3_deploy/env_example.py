"""What does `.env.example` say of the services? Where each answers, and its own settings with what their docstrings say.

`python -m rfid3_deploy.env_example` writes that part of the file anew; the rest of it is written by hand.
"""

import ast
import inspect
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent, fill
from typing import Any

from rfid3_deploy.topology import Service, read_topology
from rfid3_shared.settings import Settings

FILE = Path(__file__).parents[2] / ".env.example"
HERE = "# Where a service answers, when not as the topology file says: comma-separated URLs or unix:/path.\n"
"""From here on the file is made."""
WIDTH = 126


def whole(written: str, services: Sequence[Service]) -> str:
    """The file with its made part anew."""
    return written.partition(HERE)[0] + HERE + "".join(_lines(services))


def _lines(services: Sequence[Service]) -> Iterator[str]:
    for service in services:
        yield f"#{service.upstream_variable}=http://127.0.0.1:{service.port}\n"
    for service in services:
        kind = type(service.settings())
        yield f"\n# --- {service.name.capitalize()} ---\n"
        told = said_of(kind)
        for name, field in kind.model_fields.items():
            if name not in Settings.model_fields:
                yield fill(told[name], WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False) + "\n"
                yield f"#RFID3_{name.upper()}={_shown(field.default)}\n"


def said_of(kind: type[Settings]) -> dict[str, str]:
    """The docstrings below a class's fields: field → text."""
    body = ast.parse(dedent(inspect.getsource(kind))).body[0]
    found: dict[str, str] = {}
    field = ""
    for node in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            field = node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found.setdefault(field, " ".join(node.value.value.replace("`", "").split()))
    return found


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(FILE.write_text(whole(FILE.read_text(), read_topology())) == 0)

"""Which figures do we claim, and can anybody get them again? `python -m bench [NAME …]` runs every bench, or the named ones.

Each bench is a module with a command line of its own (`python -m bench.processes`) that prints our figure and the peer's.
"""

import subprocess
import sys
from pathlib import Path

FIRST, LAST = ("processes",), ("first_forecast",)
ELSEWHERE = ("__main__", "chaos", "chaos_work")
"""`make chaos` runs these."""


def names() -> list[str]:
    """The benches, the slow one with its downloads last; modules without a command line are parts of others."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if '__name__ == "__main__"' in path.read_text())
    between = [name for name in found if name not in (*FIRST, *LAST, *ELSEWHERE)]
    return [name for name in (*FIRST, *between, *LAST) if name in found]


def main(wanted: list[str]) -> int:
    """Run them one after the other; 1 when one of them failed, 2 for an unknown name."""
    known = names()
    if unknown := set(wanted) - set(known):
        print(f"no bench is called {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    failed = []
    for name in wanted or known:
        print(f"\n=== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

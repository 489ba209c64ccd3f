"""make chaos: hundreds of random kills, and what they cost. Exit code 1 when a job was lost or done twice."""

import argparse
import asyncio
import statistics
import sys

from bench.havoc import Toll, arena


async def _run(kills: int, seed: int) -> Toll:
    async with arena(seed) as havoc:
        return await havoc.run(kills, lambda words: print(words, flush=True))


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="how many times something is killed (default 300)")
    parser.add_argument("--seed", type=int, default=7, help="seed of what is killed when (default 7)")
    options = parser.parse_args()
    toll = asyncio.run(_run(options.kills, options.seed))
    print(f"killed: {', '.join(f'{kind} {count}' for kind, count in sorted(toll.kills.items()))}")
    print(f"jobs: {toll.asked} asked for, {toll.succeeded} succeeded in {toll.attempts} attempts")
    print(f"lost: {toll.lost} (goal 0)   done twice: {toll.twice} (goal 0)")
    for name, spans in (
        ("a killed worker's job ran again after", toll.resumed_s),
        ("next job ended after a kill", toll.silences_s),
    ):
        if spans:
            print(f"{name}: median {statistics.median(spans):.1f} s, longest {max(spans):.1f} s (goal 15 s)")
    return 0 if toll.clean else 1


if __name__ == "__main__":
    sys.exit(main())

"""What tests of the registry do: train a model of one word, publish it, and have it serve."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from rfid3_shared.clock import FixedClock
from rfid3_shared.registry import Registry, Verdict, Version

TRAINED = datetime(2026, 11, 22, 0, 31, tzinfo=UTC)
CHAMPION, SHADOW, REJECTED = (Verdict(state, f"{state} by test", {"loss": 0.2}) for state in ("champion", "shadow", "rejected"))


def later_clock() -> FixedClock:
    """A clock two hours ahead of the files' own times, so that clean-up does not take them for a publication under way."""
    return FixedClock(datetime.now(UTC) + timedelta(hours=2))


def model(folder: Path, word: object = "good", size: int = 10_000) -> Path:
    """A trained model: two files that say a word, the second one of so many bytes."""
    trained = folder / f"trained-{word}"
    (trained / "trees").mkdir(parents=True, exist_ok=True)
    (trained / "word.json").write_text(json.dumps(word))
    (trained / "trees" / "mean.txt").write_text(f"tree {word}\n".ljust(size))
    return trained


async def publish(registry: Registry, folder: Path, number: int = 0, service: str = "demand", **changes: Any) -> Version:
    """Publish a folder, trained `number` hours after the first."""
    facts = {
        "model_type": "ensemble", "metrics": {"wape": 0.21}, "data_from": date(2024, 1, 1), "data_to": date(2026, 11, 15),
        "parameters": {"seed": 7}, "trained_at": TRAINED + timedelta(hours=number), **changes,
    }  # fmt: skip
    return await registry.publish(service, folder, **facts)


async def serve(registry: Registry, folder: Path, number: int = 0, service: str = "demand", **changes: Any) -> Version:
    """Publish a folder and make it champion."""
    return await registry.settle(await publish(registry, folder, number, service, **changes), CHAMPION, by="test")


def damage(registry: Registry, version: Version) -> None:
    """Change what the version says, on disk."""
    (registry.open_artefact(version) / "word.json").write_text('"forged"')

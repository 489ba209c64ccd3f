"""Who takes part, and what does each answer? Ours and the peers by name; a suggestion for a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from rfid3_maintenance.model import Landmarks
from rfid3_maintenance.unit_history.landmarks import Reading
from rfid3_shared.errors import InvalidParameters, ModelUnavailable

EXTRA = "pip install 'rfid3-maintenance[evaluate,train]'"


@dataclass(frozen=True)
class Question:
    """One fold: what may be learned from, what is asked about, and when."""

    train: Landmarks
    test: Landmarks
    reading: Reading
    grid: tuple[float, ...]
    """Moments after each landmark at which survival is wanted; the horizons are among them."""
    horizons: tuple[float, ...]
    cap: float | None


@dataclass(frozen=True)
class Told:
    """An answer on the test rows."""

    survival: np.ndarray
    """(rows, grid)."""
    rul: np.ndarray | None = None
    """(rows, 3) 10 %, 50 % and 90 % of the remaining time; None = read off the curve."""
    expected: np.ndarray | None = None
    """(rows,) expected remaining time up to the cap; None = the area below the curve."""
    no_interval: bool = False
    """The method has points only: its interval is not judged."""
    basis: str = ""
    held: np.ndarray | None = None
    """(train rows,) chance within the first horizon told of each training row while its unit was held out inside the training part."""


@dataclass(frozen=True)
class Contender:
    """A name, a role (ours or peer), a way to answer, and the import it needs."""

    name: str
    role: str
    answer: Callable[[Question], Told]
    needs: str | None = None
    readings: tuple[Reading, ...] = ("course", "lives", "single")


def chosen(peers: str | None, reading: Reading) -> list[Contender]:
    """Ours and the peers: the named ones, none, or by default all that are installed and can read such a table.

    Raises InvalidParameters for an unknown peer, ModelUnavailable for one that is not installed.
    """
    from rfid3_maintenance.evaluation import cox_peer, km_peer, lightgbm_peer, ours

    known = [km_peer.KAPLAN_MEIER, cox_peer.COX, lightgbm_peer.LIGHTGBM]
    if peers is None:
        wanted = [peer for peer in known if peer.needs is None or find_spec(peer.needs)]
    else:
        wanted = [_named(name.strip(), known) for name in peers.split(",") if name.strip() and name.strip().lower() != "none"]
    for peer in wanted:
        if peer.needs is not None and find_spec(peer.needs) is None:
            raise ModelUnavailable(
                f"{peer.name} needs the package {peer.needs}: {EXTRA}, or leave it out with --peers.", package=peer.needs
            )
    return [ours.OURS, *dict.fromkeys(peer for peer in wanted if reading in peer.readings)]


def _named(name: str, known: Sequence[Contender]) -> Contender:
    by_name = {peer.name.lower(): peer for peer in known}
    found = by_name.get(name.lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), by_name, n=1)
        meant = f" Did you mean {by_name[near[0]].name}?" if near else ""
        raise InvalidParameters(
            f"There is no peer {name!r}.{meant} There are {', '.join(peer.name for peer in known)}; none = no peer.",
            parameter="peers",
        )
    return found

"""Who takes part, and what does each answer? Ours and the peers by name; a suggestion for a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib.util import find_spec

from rfid3_maintenance.evaluation import cox_peer, km_peer, lightgbm_peer, ours
from rfid3_maintenance.evaluation.contender import Contender
from rfid3_maintenance.unit_history.landmarks import Reading
from rfid3_shared.errors import InvalidParameters, ModelUnavailable

EXTRA = "pip install 'rfid3-maintenance[evaluate,train]'"


def chosen(peers: str | None, reading: Reading) -> list[Contender]:
    """Ours and the peers: the named ones, none, or by default all that are installed and can read such a table.

    Raises InvalidParameters for an unknown peer, ModelUnavailable for one that is not installed.
    """
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

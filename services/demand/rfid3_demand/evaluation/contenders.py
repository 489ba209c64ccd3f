"""Who takes part? Peers by name, those that are installed, and a suggestion for a name that is not known."""

import difflib
from importlib.util import find_spec

from rfid3_demand.evaluation import ours
from rfid3_demand.evaluation.lightgbm_peer import LIGHTGBM
from rfid3_demand.evaluation.peers import PEERS
from rfid3_demand.evaluation.prophet_peer import PROPHET
from rfid3_demand.evaluation.references import REFERENCES
from rfid3_demand.evaluation.said import Contender
from rfid3_shared.errors import InvalidParameters, ModelUnavailable

KNOWN: dict[str, Contender] = {peer.name.lower(): peer for peer in (*PEERS, PROPHET, LIGHTGBM)}
EXTRA = "pip install 'rfid3-demand[evaluate]'"


def chosen(peers: str | None, members: bool) -> list[Contender]:
    """Ours, its members when asked for, the yardsticks, and the peers: the named ones, none, or by default all installed.

    Raises InvalidParameters for an unknown peer, ModelUnavailable for one that is not installed.
    """
    return [ours.FORECAST, *([ours.MEMBERS] if members else []), *_peers(peers), *REFERENCES]


def _peers(peers: str | None) -> list[Contender]:
    if peers is None:
        wanted = [*PEERS, *(peer for peer in (PROPHET, LIGHTGBM) if find_spec(str(peer.needs)))]
    else:
        wanted = [_named(name.strip()) for name in peers.split(",") if name.strip() and name.strip().lower() != "none"]
    for peer in wanted:
        if peer.needs and find_spec(peer.needs) is None:
            how = EXTRA if peer.needs == "statsforecast" else f"pip install {peer.needs}"
            raise ModelUnavailable(
                f"{peer.name} needs the package {peer.needs}: {how}, or leave it out with --peers.", package=peer.needs
            )
    return list(dict.fromkeys(wanted))


def _named(name: str) -> Contender:
    found = KNOWN.get(name.lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), KNOWN, n=1)
        meant = f" Did you mean {KNOWN[near[0]].name}?" if near else ""
        raise InvalidParameters(
            f"There is no peer {name!r}.{meant} There are {', '.join(peer.name for peer in KNOWN.values())}; none = no peer.",
            parameter="peers",
        )
    return found

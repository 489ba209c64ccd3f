"""Which values have the features of the present, given the facts? Entities by class, values as they are kept and served. Pure."""

from collections.abc import Iterable, Mapping

import numpy as np

from rfid3_demand.present.definitions import LIVE, entity, pack
from rfid3_demand.taking_in.facts import Dated
from rfid3_shared.feature_store.compute import Facts, compute
from rfid3_shared.feature_store.precision import as_kept
from rfid3_shared.feature_store.reading import Values

KINDS = tuple(dict.fromkeys(each.facts for each in LIVE.features))


def values_of(facts: Dated, known: Iterable[str] = ()) -> dict[str, Values]:
    """The values of every entity that has facts, and of those `known` from before, which may have none any more."""
    named = {kind: _facts(facts, kind) for kind in KINDS}
    entities = sorted({*known, *(name for each in named.values() for name in each.entity.tolist())})
    if "booked" in facts.kinds:
        named["booked"] = _with_zeros(named["booked"], entities, np.datetime64(facts.moment, "s"))
    computed = compute(LIVE, named, entities, np.array([facts.moment], "datetime64[s]"))[:, 0]
    return {name: tuple(map(as_kept, row)) for name, row in zip(entities, computed.tolist(), strict=True)}


def class_of(entity_name: str) -> str:
    """The class of an entity."""
    return entity_name.removeprefix("class:").rpartition("@")[0]


def packs_of(values: Mapping[str, Values], classes: Iterable[str]) -> dict[str, dict[str, Values]]:
    """What is published of these classes, by pack; an empty pack says that nothing is known of a class."""
    packs: dict[str, dict[str, Values]] = {pack(name): {} for name in classes}
    for name, row in values.items():
        packs.setdefault(pack(class_of(name)), {})[name] = row
    return packs


def _facts(facts: Dated, kind: str) -> Facts:
    frame = facts.kinds.get(kind)
    if frame is None:
        return Facts(np.array([], str), np.array([], "datetime64[s]"), np.array([]))
    names = [entity(rental_class, store) for rental_class, store in frame.select("rental_class", "store").iter_rows()]
    return Facts(np.array(names, str), frame["at"].to_numpy().astype("datetime64[s]"), frame["amount"].to_numpy())


def _with_zeros(booked: Facts, entities: list[str], moment: np.datetime64) -> Facts:
    """Where anything is booked ahead, what nobody has booked is known to be none."""
    rest = sorted(set(entities) - set(booked.entity.tolist()))
    return Facts(
        np.concatenate([booked.entity, np.array(rest, str)]), np.concatenate([booked.at, np.full(len(rest), moment, "datetime64[s]")]),
        np.concatenate([booked.amount, np.zeros(len(rest))]),
    )  # fmt: skip

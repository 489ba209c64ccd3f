"""Which node of the hierarchy does a question mean? Category, class and store as people and programs write them."""

from difflib import get_close_matches

from rfid3_demand.nodes import ALL, Node
from rfid3_demand.schemas import ForecastQuery
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.errors import InsufficientData, InvalidParameters, NotFound


class UnknownCategory(NotFound):
    """No category of the mapping is spelt like that."""


class UnknownStore(NotFound):
    """No store is known by that number."""


class UnknownClass(NotFound):
    """No class or subcategory of that name has a history."""


def suggestions(wanted: str, known: list[str], most: int = 5) -> list[str]:
    """Known names that look like the wanted one, best first; some known names when none does."""
    by_fold = {name.casefold(): name for name in known}
    folded = wanted.casefold().strip()
    containing = [name for fold, name in by_fold.items() if len(folded) > 2 and (folded in fold or fold in folded)]
    close = [by_fold[fold] for fold in get_close_matches(folded, by_fold, n=most, cutoff=0.5)]
    return list(dict.fromkeys([*close, *containing]))[:most] or known[:most]


def category(snapshot: Snapshot, wanted: str) -> str:
    """The category as the mapping spells it, or `all`.

    Raises UnknownCategory with suggestions.
    """
    if wanted.strip().casefold() == ALL:
        return ALL
    found = snapshot.category_spellings.get(wanted.strip().casefold())
    if found is None:
        raise UnknownCategory(
            f"No category is called {wanted!r}.", parameter="category", suggestion=suggestions(wanted, snapshot.spec.categories)
        )
    return found


def store(snapshot: Snapshot, wanted: str) -> str:
    """The store as RFID3 numbers it, or `all` (also written 000).

    Raises UnknownStore with the known ones.
    """
    if wanted.strip().casefold() in (ALL, "000", "0"):
        return ALL
    found = snapshot.spec.store_aliases.get(wanted.strip())
    if found is None:
        known = [f"{number} ({name})" for number, name in snapshot.spec.stores.items()]
        raise UnknownStore(f"No store is numbered {wanted!r}.", parameter="store", suggestion=known)
    return found


def node(snapshot: Snapshot, query: ForecastQuery) -> tuple[Node, int]:
    """The node a forecast is asked for and its position in the arrays.

    Raises UnknownCategory, UnknownStore, UnknownClass, InvalidParameters, or InsufficientData for a node without history.
    """
    at_store = store(snapshot, query.store)
    if query.rental_class is not None and (query.category.casefold() != ALL or query.subcategory):
        raise InvalidParameters("A rental class is asked for alone, without category or subcategory.", parameter="rental_class")
    if query.rental_class is not None:
        wanted = Node("class", rental_class(snapshot, query.rental_class), at_store)
    else:
        within = category(snapshot, query.category)
        if query.subcategory is None:
            wanted = Node("category" if within != ALL else ALL, within, at_store)
        elif within == ALL:
            raise InvalidParameters("A subcategory needs its category.", parameter="subcategory")
        else:
            wanted = Node("subcategory", _known(snapshot, "subcategory", f"{within} / {query.subcategory}"), at_store)
    row = snapshot.rows.get(wanted)
    if row is None or snapshot.spec.sufficiency[row] == "none":
        raise InsufficientData(
            f"No unit of {wanted.name!r} has left {'any store' if at_store == ALL else 'store ' + at_store} "
            f"since {snapshot.spec.data_from}, so there is nothing to learn from.",
            found_weeks=0, needed_weeks=8, data_from=snapshot.spec.data_from, data_as_of=snapshot.spec.data_as_of,
            missing="rental or delivery scans, or POS contract lines, of these classes",
        )  # fmt: skip
    return wanted, row


def rental_class(snapshot: Snapshot, wanted: str) -> str:
    """The class as the source numbers it.

    Raises UnknownClass with suggestions.
    """
    return _known(snapshot, "class", wanted)


def _known(snapshot: Snapshot, level: str, wanted: str) -> str:
    names = snapshot.names.get(level, [])
    by_fold = {name.casefold(): name for name in names}
    found = by_fold.get(wanted.strip().casefold())
    if found is None:
        parameter = "rental_class" if level == "class" else "subcategory"
        raise UnknownClass(f"No {level} {wanted!r} has a history.", parameter=parameter, suggestion=suggestions(wanted, names))
    return found

"""What has been learned of wear, and what does it say of one item? Numbers only, written and read as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rfid3_quality.model.wear_chain import misread
from rfid3_quality.model.wear_likelihood import Shape
from rfid3_quality.model.wear_pooling import Pool

FILE = "wear.json"
MOSTLY = 0.5
FARTHEST_SEEN = 3.0
"""Standard deviations from the mean at which a feature's effect is held."""
WHOLE = ("material_of_group", "steps_of_group", "changes_of_group")
TUPLES = ("names", "group_names", "material_names", "spreads")


@dataclass(frozen=True)
class Wear:
    """The fitted wear of grades; `fit_wear` in wear_fit makes one. Paces are per turn, on a log scale, at the middle grade."""

    shape: Shape
    log_pace: float
    log_idle: float
    names: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    weights_variance: np.ndarray
    of_material: np.ndarray
    of_group: np.ndarray
    material_of_group: np.ndarray
    pool: Pool
    spreads: tuple[float, float]
    unit_variance: float
    shared_variance: float
    group_names: tuple[str, ...]
    material_names: tuple[str, ...]
    steps_of_group: np.ndarray
    changes_of_group: np.ndarray
    basis: Mapping[str, Any]

    @property
    def idle_turns_per_day(self) -> float:
        """Turns whose wear one day equals, rented or not."""
        return float(np.exp(self.log_idle))

    def pace(
        self, group: np.ndarray, x: np.ndarray | None = None, material: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log pace per turn and its variance (of the estimate and from unit to unit), both (rows,).

        group −1: the category's pace where `material` names one, else that of all.
        """
        group = np.asarray(group, dtype=np.int64)
        group = np.where(group < len(self.of_group), group, -1)
        own = np.append(self.material_of_group, -1)[group]
        kind = np.where(group >= 0, own, -1 if material is None else np.asarray(material, dtype=np.int64))
        kind = np.where(kind < len(self.of_material), kind, -1)
        eta = self.log_pace + np.append(self.of_material, 0.0)[kind] + np.append(self.of_group, 0.0)[group]
        spread_m, spread_c = self.spreads[1] ** 2, self.spreads[0] ** 2
        above = np.append(self.pool.of_material, self.pool.overall + spread_m)[kind] + spread_c
        variance = np.where(group >= 0, np.append(self.pool.of_group, 0.0)[group], above)
        if len(self.names) and x is not None:
            z = self._standard(x)
            eta = eta + z @ self.weights
            variance = variance + np.einsum("ij,jk,ik->i", z, self.weights_variance, z)
        return eta, variance + self.unit_variance + self.shared_variance

    def contributions(self, x: np.ndarray) -> np.ndarray:
        """What each feature adds to the log pace, (rows, features): above zero it wears faster than the average item."""
        return np.asarray(self._standard(x) * self.weights)

    def readings(self, chance: np.ndarray) -> np.ndarray:
        """Chances of what an inspection will write down, from chances of what is there; last axis 11."""
        return np.asarray(chance @ misread(self.shape.misread_ratio))

    def basis_of(self, group: int) -> dict[str, Any]:
        """Where one class's pace comes from: class, category, all or prior, with the readings behind it."""
        if not 0 <= group < len(self.of_group):
            return {
                "pooled_at": "prior" if self.basis["form"] == "prior" else "all",
                "steps": 0,
                "changes": 0,
                "own_share": 0.0,
            }
        own, kind = float(self.pool.own_share[group]), int(self.material_of_group[group])
        shared = float(self.pool.material_share[kind]) if kind >= 0 else 0.0
        at = "class" if own >= MOSTLY else "category" if shared >= MOSTLY else "all"
        return {
            "pooled_at": "prior" if self.basis["form"] == "prior" else at,
            "steps": int(self.steps_of_group[group]),
            "changes": int(self.changes_of_group[group]),
            "own_share": own,
            "category": self.material_names[kind] if 0 <= kind < len(self.material_names) else None,
        }

    def group_of(self, name: str | None) -> int:
        """The number of a class by name; −1 when no reading of it was ever seen."""
        return self._places.get(name or "", -1)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.group_names)}

    def _standard(self, x: np.ndarray) -> np.ndarray:
        z = (np.asarray(x, dtype=float) - self.centre) / self.scale
        # beyond what was seen the effect is held, not carried on
        return np.where(np.isfinite(z), np.clip(z, -FARTHEST_SEEN, FARTHEST_SEEN), 0.0)

    def write(self, folder: Path) -> None:
        """One JSON file in the folder."""
        (folder / FILE).write_text(json.dumps(_plain(self), allow_nan=False, sort_keys=True))

    @classmethod
    def read(cls, folder: Path) -> "Wear":
        """What `write` wrote, to the last digit."""
        given: dict[str, Any] = json.loads((folder / FILE).read_text())
        pooled: dict[str, Any] = given.pop("pool")
        shape: dict[str, Any] = given.pop("shape")
        fields: dict[str, Any] = {name: _array(name, value) for name, value in given.items()}
        fields["weights_variance"] = fields["weights_variance"].reshape(len(fields["weights"]), len(fields["weights"]))
        return cls(
            shape=Shape(**{**shape, "deeper": tuple(shape["deeper"])}),
            pool=Pool(**{name: _array(name, value) for name, value in pooled.items()}),
            **fields,
        )


def _array(name: str, value: Any) -> Any:
    """A list from JSON as the array or tuple the field holds; anything else as it is."""
    if not isinstance(value, list):
        return value
    return tuple(value) if name in TUPLES else np.array(value, dtype=np.int64 if name in WHOLE else np.float64)


def _plain(value: Any) -> Any:
    """Dataclasses and arrays as what JSON knows."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return list(value) if isinstance(value, tuple) else value

"""How does a hazard survive on disk? JSON for numbers and words, LightGBM's own text for trees; never pickle."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rfid3_maintenance.model.baseline import Steps, Weibull
from rfid3_maintenance.model.boxes import Boxes
from rfid3_maintenance.model.covariates import Scale
from rfid3_maintenance.model.likelihood import Fitted
from rfid3_maintenance.model.pooled import Pooled
from rfid3_maintenance.model.pooling import Factors
from rfid3_maintenance.model.prior import Prior
from rfid3_maintenance.model.rate import Rate
from rfid3_maintenance.model.trees import Trees

if TYPE_CHECKING:
    from rfid3_maintenance.model.hazard import Hazard

FILE = "hazard.json"
TREES_FILE = "trees.txt"
KINDS: dict[str, Any] = {
    each.__name__: each for each in (Boxes, Factors, Fitted, Pooled, Prior, Rate, Scale, Steps, Trees, Weibull)
}


def write(hazard: Hazard, folder: Path) -> None:
    """Into a folder, made if need be. Every float is written so that it reads back as the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    form = hazard.form
    if isinstance(form, Trees):
        (folder / TREES_FILE).write_text(form.text, encoding="utf-8")
        form = replace(form, text="")
    words = {
        "cuts_days": list(hazard.cuts_days), "names": list(hazard.names), "group_names": list(hazard.group_names),
        "basis": hazard.basis, "form": _plain(form),
    }  # fmt: skip
    (folder / FILE).write_text(json.dumps(words, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read(folder: Path) -> Hazard:
    """What `write` wrote. FileNotFoundError when there is nothing, ValueError when it is not a whole hazard."""
    from rfid3_maintenance.model.hazard import Hazard

    try:
        words = json.loads((folder / FILE).read_text(encoding="utf-8"))
        form = _restored(words["form"])
        if isinstance(form, Trees):
            form = replace(form, text=(folder / TREES_FILE).read_text(encoding="utf-8"))
        return Hazard(
            tuple(words["cuts_days"]),
            tuple(words["names"]),
            tuple(words["group_names"]),
            words["basis"],
            form,
        )
    except (KeyError, TypeError) as missing:
        raise ValueError(f"{folder / FILE} is no whole hazard: {missing}") from missing


def _plain(part: Any) -> Any:
    """A dataclass of arrays, numbers and dataclasses as JSON values; each names its kind."""
    if type(part).__name__ in KINDS:
        return {"kind_of": type(part).__name__} | {each.name: _plain(getattr(part, each.name)) for each in fields(part)}
    if isinstance(part, np.ndarray):
        return {"array": part.tolist(), "dtype": str(part.dtype), "shape": list(part.shape)}
    return part.item() if isinstance(part, np.generic) else part


def _restored(value: Any) -> Any:
    if isinstance(value, dict) and "array" in value:
        return np.array(value["array"], dtype=value["dtype"]).reshape(value["shape"])
    if isinstance(value, dict) and "kind_of" in value:
        values = {name: _restored(each) for name, each in value.items() if name != "kind_of"}
        return KINDS[value["kind_of"]](**values)
    return value

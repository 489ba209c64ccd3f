"""How does a frozen dataclass become plain JSON and arrays, and one again? Without pickle: nothing in that form can run code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

Classes = Mapping[str, Any]
"""Name → class of the dataclasses that may occur."""


def taken_apart(value: Any, arrays: dict[str, np.ndarray], kept: Classes, path: str = "") -> Any:
    """The value as JSON can hold it; arrays go into `arrays` under their path, dataclasses become their name and fields.

    Raises TypeError for a dataclass that is not in `kept`.
    """
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {"array": path}
    if is_dataclass(value):
        name = type(value).__name__
        if kept.get(name) is not type(value):
            raise TypeError(f"{name} is not in the list of what is kept")
        inside = {
            each.name: taken_apart(getattr(value, each.name), arrays, kept, f"{path}/{each.name}") for each in fields(value)
        }
        return {"class": name, "fields": inside}
    if isinstance(value, dict):
        return {"dict": [[key, taken_apart(each, arrays, kept, f"{path}/{key}")] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        members = [taken_apart(each, arrays, kept, f"{path}/{k}") for k, each in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": members}
    return value.item() if isinstance(value, np.generic) else value


def put_together(plain: Any, arrays: Mapping[str, np.ndarray], kept: Classes) -> Any:
    """What `taken_apart` was given. Raises KeyError for a class that is not in `kept`."""
    if not isinstance(plain, dict):
        return plain
    if "array" in plain:
        return arrays[plain["array"]]
    if "class" in plain:
        return kept[plain["class"]](**{name: put_together(each, arrays, kept) for name, each in plain["fields"].items()})
    if "dict" in plain:
        return {key: put_together(each, arrays, kept) for key, each in plain["dict"]}
    if "tuple" in plain:
        return tuple(put_together(each, arrays, kept) for each in plain["tuple"])
    return [put_together(each, arrays, kept) for each in plain["list"]]

"""Where does LightGBM come from, without what this suite never asks of it?

`import lightgbm` also loads pandas, pyarrow, scikit-learn and Dask where it finds them, for interfaces that are not used here:
2.4 s and 183 MB instead of 0.4 s and 45 MB in each process that trains. They are hidden from that one import.
"""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NOT_ASKED_FOR = ("dask", "pandas", "pyarrow", "sklearn")


def lightgbm_here() -> Any:
    """LightGBM with threads that sleep while they wait: spinning ones make a busy two-core box several times slower."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "lightgbm" in sys.modules:
        return sys.modules["lightgbm"]
    with _hidden(NOT_ASKED_FOR):
        return importlib.import_module("lightgbm")


def lightgbm_with_dask() -> Any:
    """LightGBM with its Dask interface; loaded anew where this process has the lean one."""
    found = sys.modules.get("lightgbm")
    if found is not None and not (found.compat.PANDAS_INSTALLED and found.compat.SKLEARN_INSTALLED):
        for name in [name for name in sys.modules if name == "lightgbm" or name.startswith("lightgbm.")]:
            del sys.modules[name]
    return importlib.import_module("lightgbm")


@contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Modules that are not loaded yet cannot be imported inside; what is loaded already stays."""
    hidden = [name for name in names if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    for name in hidden:
        modules[name] = None
    try:
        yield
    finally:
        for name in hidden:
            if modules.get(name) is None:
                del modules[name]

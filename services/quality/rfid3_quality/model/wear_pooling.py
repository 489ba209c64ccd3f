"""How much does each class's own record count, and how wide is what is left unknown? Nested credibility: all → category → class.

With information I (curvature of the log likelihood by log pace) and spreads s_m, s_c between categories and classes, variances
follow the classical nested recursion: what is above a class is known to V from all others; the class itself to 1 / (I + 1/(s_c² + V)).
Source: Bühlmann & Gisler 2005, hierarchical credibility.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pool:
    """Variances of log pace: of all, per category, per class; and the shares of each class's own record in its estimate."""

    overall: float
    of_material: np.ndarray
    of_group: np.ndarray
    own_share: np.ndarray
    material_share: np.ndarray


def pool(
    row_information: np.ndarray,
    group: np.ndarray,
    material_of: np.ndarray,
    material: np.ndarray,
    counts: tuple[int, int],
    spreads: tuple[float, float],
    prior_variance: float,
) -> Pool:
    """The variances from per-row information; counts: classes and categories; spreads: standard deviations between those two."""
    groups, materials = counts
    s_c, s_m = spreads[0] ** 2, spreads[1] ** 2
    of_class = np.bincount(group[group >= 0], row_information[group >= 0], minlength=groups)[:groups]
    alone = group < 0
    passed = of_class / (1 + s_c * of_class)
    known = material_of >= 0
    of_kind = np.bincount(material_of[known], passed[known], minlength=materials)[:materials]
    lone = alone & (material >= 0)
    of_kind = of_kind + np.bincount(material[lone], row_information[lone], minlength=materials)[:materials]
    lone = alone & (material < 0)
    loose = np.concatenate([passed[~known], row_information[lone]])
    by_kind = of_kind / (1 + s_m * of_kind)
    precision = 1.0 / prior_variance + by_kind.sum() + (loose / (1 + s_m * loose)).sum()
    # What is above a class or category is known to the variance that all others leave: its own record is not to count twice.
    above = s_m + 1.0 / (precision - by_kind)
    v_m = 1.0 / (of_kind + 1.0 / above)
    free = s_m + 1.0 / (precision - passed / (1 + s_m * passed))
    v_above = s_c + free
    kind = material_of[known]
    v_above[known] = s_c + 1.0 / (of_kind[kind] - passed[known] + 1.0 / above[kind])
    v_c = 1.0 / (of_class + 1.0 / v_above)
    return Pool(
        overall=float(1.0 / precision),
        of_material=v_m,
        of_group=v_c,
        own_share=of_class * v_c,
        material_share=of_kind * v_m,
    )


def spread_between(effects: np.ndarray, variances: np.ndarray, prior: float, strength: float = 4.0) -> float:
    """The standard deviation between effects from estimates and what is unknown of them, with a prior worth `strength` of them."""
    return float(np.sqrt((strength * prior**2 + np.sum(effects**2 + variances)) / (strength + len(effects))))


def spread_of_units(slope: np.ndarray, information: np.ndarray, unit: np.ndarray) -> float:
    """The variance of log pace from unit to unit of one class, by the excess of squared scores over their information; 0 or more."""
    if not len(unit):
        return 0.0
    _, place = np.unique(unit, return_inverse=True)
    pull, known = np.bincount(place, slope), np.bincount(place, information)
    bottom = float((known**2).sum())
    return max(float((pull**2 - known).sum()) / bottom, 0.0) if bottom > 0 else 0.0

"""For how many years is a thing best kept, and what does a year of it cost? Equivalent annual cost, as in textbooks; pure.

The equivalent annual cost of keeping a thing for t years is the payment at the end of each year whose present value is that
of everything it costs: buying it, running it, less what it brings at the end. Its least over t is what a year of the service
costs at best; the t of the least is the economic life. A thing in use is replaced when one more moment of it costs more.
Source: any book of engineering economics, such as Park, Contemporary Engineering Economics, ch. "Replacement decisions".
"""

import numpy as np

NO_INTEREST = 1e-12
"""A yearly discount up to this counts as none: its formulas would divide nothing by nothing."""


def present_values(years: np.ndarray, discount: float) -> np.ndarray:
    """What a dollar in so many years is worth now; discount: per year, effective."""
    return np.asarray((1.0 + discount) ** -years)


def equivalent_annual_cost(
    first_usd: np.ndarray, running_usd: np.ndarray, resale_usd: np.ndarray, ends_years: np.ndarray, discount: float
) -> np.ndarray:
    """Equivalent annual cost (n, K) of keeping until each end, paid at the end of each year.

    first_usd: (n,) price; running_usd: (n, K) costs of each period, valued at the period's end; resale_usd: (n, K) what the thing
    brings at that end; ends_years: (K,) rising, above 0; discount: a year, at least 0.
    """
    worth = present_values(ends_years, discount)
    spent = first_usd[:, None] + np.cumsum(running_usd * worth, axis=1) - resale_usd * worth
    # without interest the payment is the mean a year
    recovery = discount / -np.expm1(-np.log1p(discount) * ends_years) if discount > NO_INTEREST else 1.0 / ends_years
    return np.asarray(spent * recovery)


def flow_at_year_end(discount: float) -> float:
    """What a dollar that flows evenly through a year amounts to at its end."""
    return discount / np.log1p(discount) if discount > NO_INTEREST else 1.0


def flows_at_ends(rate_usd: np.ndarray, starts_years: np.ndarray, ends_years: np.ndarray, discount: float) -> np.ndarray:
    """Money of each period at its end, (n, K), from a yearly rate (n, K) that flows evenly through the period."""
    width = ends_years - starts_years
    grown = np.expm1(np.log1p(discount) * width) / np.log1p(discount) if discount > NO_INTEREST else width
    return np.asarray(rate_usd * grown)


def exceeding_moment(rate: np.ndarray, limit: np.ndarray, at: np.ndarray) -> np.ndarray:
    """When a never falling rate (n, T), straight between the moments `at`, first exceeds its limit (n,); inf if never, NaN unknown."""
    above = rate > limit[:, None]
    k = np.argmax(above, axis=1)
    rows = np.arange(len(rate))
    before = np.maximum(k - 1, 0)
    low, high = rate[rows, before], rate[rows, k]
    share = np.where(k > 0, (limit - low) / np.where(high > low, high - low, 1.0), 0.0)
    moment = at[before] + (at[k] - at[before]) * np.clip(share, 0.0, 1.0)
    unknown = ~np.isfinite(limit) | ~np.isfinite(rate).all(axis=1)
    return np.where(unknown, np.nan, np.where(above.any(axis=1), moment, np.inf))

"""Whose clock do dates written with a zone show? Text in, text or parsed UTC out."""

import polars as pl

UTC_STAMP = "%Y-%m-%dT%H:%M:%SZ"
_WRITTEN = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%d %H:%M%z")
_ZONE = r":\d{2}\s*(?:Z|[+-]\d{2}:?\d{2})$"
_OFFSET = r"\s*(?:Z|[+-]\d{2}:?\d{2})$"


def without_zone(text: pl.Series, hourly: bool) -> tuple[pl.Series, pl.Series | None]:
    """The stamps as they were if any lacks a zone; else without it as text, or parsed in UTC when `hourly`.

    Hours must not be doubled or lost when clocks change; a day is a day where it was written.
    """
    if not text.str.contains(_ZONE).all():
        return text, None
    if not hourly:
        return text.str.replace(_OFFSET, ""), None
    plain = text.str.replace(r"\s*Z$", "+0000").str.replace(r"\s*([+-]\d{2}):?(\d{2})$", "${1}${2}")
    for written in _WRITTEN:
        parsed = plain.str.strptime(pl.Datetime("us", "UTC"), written, strict=False)
        if parsed.is_not_null().all():
            return text, parsed.dt.replace_time_zone(None)
    return text, None

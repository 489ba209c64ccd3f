"""Measurements of what is claimed, beside peers: `python -m bench`."""

"""What has one unit lived through? Rebuilt from scans, statuses, grades, contracts and reports; one definition for all services.

sources (what was read) · sightings (scans in words we know) · stays (rentals, and when units came back) · shop (waiting, washing, repair)
· faults · grades · gone (sold, lost) · units · life (all of it) · assemble · reading (the SQL) · rebuild · definitions and frames (features
at any moment) · watch (which events would have been seen) · observations (what models of turnaround and of prices learn from)
· feature_drift (what a quarter brought, beside a year before) · reckoning (the scoring job) · replay (predictions made again).
Import from the modules: this one loads nothing, so that a serving process can read `definitions` without polars.
"""

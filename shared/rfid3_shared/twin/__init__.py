"""The digital twin: a rental company whose truth is known, so that forecasts and decisions can be held against it.

Reading order: `world` (what the company owns) → `calendar`, `weather`, `demand`, `contracts` (what customers ask for) →
`fulfil`, `simulate` (what the stock lets out, day by day) → `materials`, `hazards`, `wear`, `workshop` (how units wear, fail and
stay in the shop) → `scans`, `pos`, `dirt`, `inventory` (how RFID3 would have recorded
it) → `write`; `truth` and `wear_truth` are kept apart. `build.create` and `build.advance` are the two ways in. Importing this package
imports neither numpy nor holidays: only its rooms do, and no API process enters them.
"""

"""What does the world outside say: weather, economy, calendar, local events? And what of it moves demand?

`tables` hold it, `providers` know who to ask, `fetch` asks, `import_file` takes what somebody has; `summary` and `coverage` tell
what is there; `correlate` (pure) and `findings` tell what goes with demand. RFID3's own `external_factors` is read beside ours and
comes first. Importing this package, `summary` and `findings` needs no numerical library: the gateway does.
"""

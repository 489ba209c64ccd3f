"""What can be counted about the ledger from outside? Dropped must stay 0 unless a disk is full."""

from prometheus_client import Counter, Gauge

RECORDED = Counter("rfid3_ledger_recorded_total", "Predictions the store has taken, or had already.")
SPILLED = Counter("rfid3_ledger_spilled_total", "Predictions written to a file because the store did not take them.")
REPLAYED = Counter("rfid3_ledger_replayed_total", "Spilled predictions written to the store afterwards.")
DROPPED = Counter("rfid3_ledger_dropped_total", "Predictions lost: the spill file is full or cannot be written.")
REFUSED = Counter("rfid3_ledger_refused_total", "Predictions the store will never take, such as a name that is too long.")
WAITING = Gauge("rfid3_ledger_waiting", "Predictions in memory, not yet written.")

"""What does RFID3's own predictive page read, and in which shape? An adapter under /rfid3, for a page on the same host.

`routes` take the page's six calls. `revenue` (forecast in dollars), `outside` (external data and what goes with demand) and
`optimization` (what to have more and less of) turn answers of the suite into what the page shows, and are pure; `utilization`
measures in RFID3's tables how much of the stock was out; `coming` asks the demand service what may run short; `fetching` asks for
outside data and waits a little.
Every text leaves as plain text (`plain`), because the page inserts it as HTML. A number that cannot be known is left out, and
`unavailable` says why. Source: mission.md C-11, T-58, T-82.
"""

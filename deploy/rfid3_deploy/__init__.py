"""Which processes make up the suite on this host, and how are they started, watched and stopped?

`rfid3 up` becomes one lean parent (`suite`), which imports the common stack once, freezes it and forks every process from it.
Whatever opens connections or starts threads (filling the source, training) happens in a child, never in that parent.
"""

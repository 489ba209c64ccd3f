"""What is worth doing, when, by whom, and what deserves a person's eye? Decisions from chances and dollars; pure.

`curve` reads a survival curve at any day, `costs` says where every dollar comes from, `service_moment` finds the best day,
`priority` how urgent that is, `crew` the crew's plan, `turnaround` the days to Ready to Rent, `booking` whether an item survives
its next booking, `attention` which alerts are worth a day's budget. Nothing here reads the time, draws a number or opens a store.
"""

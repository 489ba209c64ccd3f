"""How good is our forecast on anybody's data, beside its own members and the usual peers, each under the same time limit?

Rooms, in reading order: rolling (origins) · said (what a contender answers) · ours · references · peers · prophet_peer ·
lightgbm_peer · contenders (the list of them) · race (each in processes of its own, stopped at the limit) · scores · chart.
Nothing here is imported by a process that serves.
"""

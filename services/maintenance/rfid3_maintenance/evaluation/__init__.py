"""How good are chances of failure, beside the usual peers, on the same folds?

Rooms, in reading order: kaplan_meier · brier · calibration · concordance · discrimination · remaining_life (the measures) ·
mean_cumulative (recurrent events) · contenders (who takes part) · ours · km_peer · cox_peer · lightgbm_peer · cross_validation ·
score_table · words · chart. Measures take arrays and are pure; nothing here is imported by a process that serves.
"""

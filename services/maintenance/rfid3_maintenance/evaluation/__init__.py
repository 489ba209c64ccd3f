"""How good are chances of failure, beside the usual peers, on the same folds?

Rooms, in reading order: kaplan_meier · brier · calibration · concordance · discrimination · remaining_life (the measures) ·
mean_cumulative (recurrent events) · contender (what is asked and answered) · ours · km_peer · cox_peer · lightgbm_peer · contenders
(who takes part) · cross_validation · score_table · words · chart. Measures take arrays and are pure; no process that serves imports
any of it.
"""

"""Which decision about an item's quality pays, in dollars, and how sure is that? Pure.

Rooms, in reading order: amounts (a number, its 80 % interval and where it comes from) · money (exact cents) · priors (what is
believed before anything was measured) · score_path · once (what beliefs share) · worth (money as a function of the score) ·
economic_life (equivalent annual cost) · outcome (what follows from one belief) · views (from many) · chances · replacement (keep,
repair, resell or retire; when to replace) ·
verdict_words (a verdict as an answer) · slopes · price_effect · inspection (whom to look at next) · knapsack ·
budget (what the money does most good for) · opportunities (what there is to spend it on).
"""

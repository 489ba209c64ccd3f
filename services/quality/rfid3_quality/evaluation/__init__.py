"""How good are projections of wear, beside the usual peers, on data of one's own? Never imported by serving processes."""

"""What does anybody's table of machines say: who ran how long, who failed, and how did each look on the way?

Rooms, in reading order: table (rows of units, checked) · rolling (what a life looked like until now) · recipe (columns to features) ·
landmarks (rows to learn from) · alerts (from which chance on is it worth a call?) · aged (a curve of one that has come so far) ·
levels (where a curve is read, so that 80 % hold) · fitted (one fit, asked about other rows).
Pure; nothing about rentals. Features look back only: later rows of a unit never change those of earlier ones.
"""

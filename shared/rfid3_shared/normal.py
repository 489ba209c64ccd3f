"""How many standard deviations from the middle do the usual intervals of a normal end?"""

Z_80 = 1.2815515655446004
"""The middle 80 % lie within so many on either side."""

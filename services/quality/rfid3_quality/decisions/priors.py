"""What is believed about quality and money before anything was measured? Stated beliefs, each with its 80 % range.

They stand in where an input is missing, and every answer that rests on one says so (`basis`: stated prior). They are wide on
purpose: none was estimated from a rental shop's books, because no shop's open data hold them.
"""

from rfid3_quality.decisions.amounts import Prior

PRICE_EFFECT = Prior(
    0.25, 0.0, 0.5,
    "log price per unit of score: at A+ an article earns 0 to 65 % more than at F; RFID3 itself prices by class alone",
)  # fmt: skip
REFUSAL_SCORE = Prior(0.25, 0.15, 0.35, "score at which every second customer refuses the article: between D and C")
REPAIRS_A_YEAR = Prior(
    0.1,
    0.03,
    0.3,
    "repairs a year of an article as good as new; middle: base rate of the specification's sample (mission S4-02)",
)
REPAIR_GROWTH = Prior(1.5, 0.5, 2.5, "log repair rate per unit of score lost: at F 1.6 to 12 times as many repairs as at A+")
REPAIR_PRICE_RATIO = Prior(0.25, 0.1, 0.5, "a repair's cost as share of a new article's price")
REPAIR_LIFT = Prior(0.2, 0.1, 0.3, "score gained by a repair: two grades, such as C+ to B")
RESALE_RATIO = Prior(0.5, 0.3, 0.7, "what a used article at A+ brings, as share of a new one's price")
SCORE_OF_PRIOR_REFUSALS = 0.08
"""Width of the refusal curve: from one refusal in ten to nine in ten the score falls by 0.35, three to four grades."""
UNSALEABLE_SCORE = 0.1
"""At D and below an article is scrap: it brings nothing."""
DISCOUNT_A_YEAR = 0.08
"""Cost of capital a year: a small firm's loan; the parameter `discount` replaces it."""

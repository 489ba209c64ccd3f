"""How do grades, their numbers and the quality score belong together?

A grade's number is `grade_score` of the source's vocabulary (F 0, D 1, C- 2 … A+ 10); the quality score is a tenth of it, 0 to 1.
"""

from rfid3_shared.source.vocabulary import GRADES, grade_score

TOP = len(GRADES) - 1
"""The number of the best grade, A+."""
LEVELS = len(GRADES)


def score_of(grade: str | None) -> float | None:
    """The quality score of a written grade; None when it is empty or no grade."""
    number = grade_score(grade)
    return None if number is None else number / TOP


def name_of(number: int) -> str:
    """The written grade of a number, 0 (F) to 10 (A+); raises ValueError outside."""
    if not 0 <= number <= TOP:
        raise ValueError(f"Grades are numbered 0 to {TOP}, not {number}.")
    return GRADES[TOP - number]

"""Can a plan be bettered by letting one service in for another? Exchanges until none pays; deterministic.

A service that waits takes the place of one that is planned on a day of the same skill, which moves to another day with hours left, or waits
in turn; of all such exchanges the one that gains most is made. It gives the integer programme a plan to beat, and a full shop a
good plan when the time limit is short.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from rfid3_maintenance.decisions.jobs import Crew, Job

ROUNDS = 20
"""Passes over all waiting services; most shops settle in a few."""
NONE = -(2**40)
"""Cents of a day that is not open: no sum of others makes up for it."""


class _Board:
    """The plan as arrays. cents: (jobs, days); day: (jobs,) or −1; free: (skills, days) minutes; stock: (parts,) pieces left."""

    def __init__(self, jobs: Sequence[Job], crew: Crew, open_days: Sequence[Sequence[int]], chosen: Mapping[int, int]) -> None:
        skills, parts = sorted({job.skill for job in jobs}), sorted({part for job in jobs for part in job.parts})
        self.skill = np.array([skills.index(job.skill) for job in jobs])
        self.minutes = np.array([job.minutes for job in jobs])
        self.parts = np.array([[job.parts.get(part, 0) for part in parts] for job in jobs], int).reshape(len(jobs), len(parts))
        self.free = np.array([[crew.minutes(skill, day) for day in range(crew.days)] for skill in skills])
        self.stock = np.array([crew.stock(part) for part in parts], int)
        self.cents = np.full((len(jobs), crew.days), NONE)
        for at, days in enumerate(open_days):
            for day in days if self.minutes[at] else ():
                self.cents[at, day] = cents if (cents := jobs[at].cents(day)) > 0 else NONE
        self.day = np.full(len(jobs), -1)
        for at, day in chosen.items():
            self.put(at, day)

    def put(self, at: int, day: int) -> None:
        """Plan it on that day."""
        self.day[at] = day
        self.free[self.skill[at], day] -= self.minutes[at]
        self.stock -= self.parts[at]

    def drop(self, at: int) -> None:
        """Let it wait."""
        self.free[self.skill[at], self.day[at]] += self.minutes[at]
        self.stock += self.parts[at]
        self.day[at] = -1

    def other_days(self, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of planned services, the best other day with hours left, and its cents (0 where there is none: it would wait)."""
        room = self.free[self.skill[among]] >= self.minutes[among][:, None]
        worth = np.where(room, self.cents[among], NONE)
        worth[np.arange(len(among)), self.day[among]] = NONE
        best = np.argmax(worth, axis=1)
        return best, np.maximum(worth[np.arange(len(among)), best], 0)


def bettered(jobs: Sequence[Job], crew: Crew, open_days: Sequence[Sequence[int]], chosen: Mapping[int, int]) -> dict[int, int]:
    """A plan at least as good: jobs' positions → days, within hours, parts and open days if `chosen` is."""
    if not jobs or not crew.days:
        return dict(chosen)
    board = _Board(jobs, crew, open_days, chosen)
    most = board.cents.max(axis=1)
    for _ in range(ROUNDS):
        gained = 0
        for at in np.lexsort((np.arange(len(jobs)), -most)):
            if most[at] > 0:
                gained += _move(board, int(at)) if board.day[at] >= 0 else _enter(board, int(at))
        if not gained:
            break
    return {at: int(board.day[at]) for at in np.flatnonzero(board.day >= 0).tolist()}


def _move(board: _Board, at: int) -> int:
    """Move a planned service to a better day; the gain in cents."""
    best, worth = board.other_days(np.array([at]))
    gain = int(worth[0] - board.cents[at, board.day[at]])
    if gain <= 0:
        return 0
    board.drop(at)
    board.put(at, int(best[0]))
    return gain


def _enter(board: _Board, at: int) -> int:
    """Plan a waiting service: where there is room, or in another's place; the gain in cents."""
    skill, minutes = board.skill[at], board.minutes[at]
    has_parts = bool((board.parts[at] <= board.stock).all())
    if has_parts:
        worth = np.where(board.free[skill] >= minutes, board.cents[at], NONE)
        day = int(np.argmax(worth))
        if worth[day] > 0:
            board.put(at, day)
            return int(worth[day])
    others = np.flatnonzero((board.skill == skill) & (board.day >= 0))
    if not len(others):
        return 0
    days = board.day[others]
    best, elsewhere = board.other_days(others)
    elsewhere = elsewhere if has_parts else np.zeros(len(others), int)
    fits = board.minutes[others] + board.free[skill, days] >= minutes
    # one that waits gives its parts back, one that moves keeps them
    fits &= (board.parts[at] <= board.stock + np.where(elsewhere[:, None] > 0, 0, board.parts[others])).all(axis=1)
    gain = np.where(fits, board.cents[at, days] - board.cents[others, days] + elsewhere, NONE)
    which = int(np.argmax(gain))
    if gain[which] <= 0:
        return 0
    board.drop(other := int(others[which]))
    board.put(at, int(days[which]))
    if elsewhere[which] > 0:
        board.put(other, int(best[which]))
    return int(gain[which])

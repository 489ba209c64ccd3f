"""What may be asked of the maintenance service, and in which shape does it answer?

One room a question: schedule · planning (the crew) · health · probability · outlook (bookings, days to ready) · reports (feedback,
alerts) · training. A cost that nothing supports is a stated prior and says so; a chance that cannot be told is null, never a default.
"""

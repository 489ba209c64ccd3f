"""What may be asked of the quality service, and in which shape does it answer?

One room a question: degradation (one item, many) · fleet (budget, replacements, inspections, price) · inspection (what people find) ·
training. Dollars that nothing supports are null, with what is missing; a stated prior is named wherever an answer rests on one.
"""

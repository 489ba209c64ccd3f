"""What is known of this very moment? Declared features of the present, and their values as the serving path holds them. Pure.

definitions (features of this moment) · weekly (of the last complete week) · state (values of the series below a node) · week (what is
still to come of the week in progress).
"""

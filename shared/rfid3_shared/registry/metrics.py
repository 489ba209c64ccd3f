"""What can be counted about shadows from outside? Dropped answers are harmless: the next requests are answered instead."""

from prometheus_client import Counter

ANSWERS = Counter("rfid3_shadow_answers_total", "Live requests a shadow version answered beside the champion.")
FAULTS = Counter("rfid3_shadow_faults_total", "Live requests a shadow version failed on.")
DROPPED = Counter("rfid3_shadow_dropped_total", "Live requests a shadow version was not asked because it had no time.")

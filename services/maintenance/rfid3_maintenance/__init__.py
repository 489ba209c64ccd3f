"""What will fail, when is it best serviced, and in which order?

Routes below /api/predictive/maintenance: schedule, plan, health, probability, booking-survival, turnaround, feedback, alerts, retrain.
Jobs: `maintenance/train`, `refresh`, `score`, `plan`. Command: `rfid3 maintenance`.
"""

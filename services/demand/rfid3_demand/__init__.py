"""What will go out in the next weeks?

Routes: GET /api/predictive/demand/forecast, GET /api/predictive/demand/accuracy, POST /api/predictive/demand/retrain.
Jobs: `demand/train`. Command: `rfid3 demand forecast`.
"""

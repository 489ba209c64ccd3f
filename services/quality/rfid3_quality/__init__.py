"""What is wearing out, and what is best done about it?

Routes: GET /api/predictive/quality/degradation/{item_id}, GET …/optimization, GET …/replacement-recommendations,
GET …/inspections, POST …/inspection-result, POST …/degradation/batch, POST …/retrain.
Jobs: `quality/train`. Commands: `rfid3 quality project`, `rfid3 quality evaluate`.
"""

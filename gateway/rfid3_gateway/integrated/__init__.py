"""What does RFID3 show of the suite beside its own items and alerts? One item's predictions, many items', and one list of alerts.

`routes` answer in the shapes of `answers`; `item_rows` and `health_alerts` read RFID3's tables; `item_view` and `alert_view` put
together what is shown, and are pure. Source: mission.md I1, I2, traps T-44 and T-82.
"""

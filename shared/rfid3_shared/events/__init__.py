"""What happened in the shop a moment ago, before RFID3's tables say so? Scans and POS lines as readers and tills post them.

RFID3's tables stay the truth. Events come in by HTTP and MQTT, are kept once each in `shop_events`, announced on a Redis stream
and joined with RFID3's rows wherever present features are computed; when RFID3 has written the same scan or line itself, joining
changes nothing. Losing Redis loses a wake-up, never an event.
"""

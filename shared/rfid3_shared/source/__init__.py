"""RFID3's own database as a source: its tables (read-only), its words, its dirt, and how an export is loaded."""

"""What do people report of single items? Faults and services (maintenance), inspections (quality): truth that RFID3 does not hold."""

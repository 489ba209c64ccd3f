"""The common library of the RFID3 predictive suite. It knows no service, no gateway and no deployment."""

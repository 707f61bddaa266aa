"""The decisions: desired records, plans, their application, the inventory of owned records and its audit."""

"""Taking people out of everything that was derived from the shop's log, and a receipt of it."""

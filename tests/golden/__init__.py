"""What every endpoint answers, bit for bit, as it was recorded."""

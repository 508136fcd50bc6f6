"""Every model file that the service knows: one registry, read by settings, doors, advice, doctor, README and tests."""

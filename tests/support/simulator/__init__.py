"""The parts of the registry simulator. Tests import `tests.support.registry`."""

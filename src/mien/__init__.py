"""Facial expressions: read, train, compare."""

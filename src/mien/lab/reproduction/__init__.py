"""Reproduction of the published systems: jobs, time estimates and status."""

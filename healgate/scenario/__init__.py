"""Scenario files: what is in one, where they are, and what is wrong with one."""

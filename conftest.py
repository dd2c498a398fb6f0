"""Nothing to set up: `pytest` here runs the scenarios, `pytest tests` healgate's own tests."""

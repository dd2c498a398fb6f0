"""`pytest` here runs the scenarios, `pytest tests` healgate's own tests, which run pytest themselves."""

pytest_plugins = ["pytester"]

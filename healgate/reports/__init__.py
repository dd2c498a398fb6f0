"""What a run shows: the story of a trial, its drawing, tables, JUnit properties, Allure."""

"""What a story is and how a page becomes one: pure decisions over frozen values, and the SQL store."""

"""Stories after they were stored: when to look again, what changed, whether it still stands (docs/revisions.md)."""

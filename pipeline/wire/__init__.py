"""The agencies' formats: NewsML-G2, NITF and ninjs, read into items, and an item read as the story that it is."""

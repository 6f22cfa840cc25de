"""What makes a URL, a text and a report the same one: canonical URLs, fingerprints, near-copies."""

"""A story as others want it: a line of JSON, a row of CSV, a ninjs item, plain text."""

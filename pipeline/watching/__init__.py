"""Watches: a condition on stories, whom to tell, how often, in which words, and the same as a feed."""

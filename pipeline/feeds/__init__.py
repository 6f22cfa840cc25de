"""Feeds: reading their bodies in every format, and deciding what a poll means and when to poll again."""

from pipeline.feeds.polling import body_digest, plan_poll
from pipeline.feeds.reading import read_feed
from pipeline.feeds.validators import request_headers

__all__ = ["body_digest", "plan_poll", "read_feed", "request_headers"]

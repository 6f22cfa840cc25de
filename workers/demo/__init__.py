"""A small recorded news wire that ships with the package, so that Frontwire can be seen at work without a network."""

from workers.demo.expected import truth
from workers.demo.server import DemoWire
from workers.demo.values import ExpectedPage

__all__ = ["DemoWire", "ExpectedPage", "truth"]

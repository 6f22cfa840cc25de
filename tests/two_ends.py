"""How files of tests are dealt to xdist's workers: one begins with those that mostly wait, the others with the rest.

Files that start process trees or a browser wait for seconds and then take both cores. Dealt one after the other they
end up beside each other; begun at one end of the list while the other workers begin at the other, each has a file
beside it that fills what it leaves idle.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

_WAITING = frozenset({"processes", "browser"})


def waiting_first(items: list[pytest.Item]) -> None:
    """Sort the files that wait to the front. Within a file and among files the order stays."""
    waiting = {item.path for item in items if any(mark.name in _WAITING for mark in item.iter_markers())}
    items.sort(key=lambda item: item.path not in waiting)


class TwoEnds(LoadFileScheduling):
    """Whole files, in the order collected: the first worker takes the next, every other one the last."""

    def schedule(self) -> None:
        """Deal the first files. The order is ours, not that of how many tests a file has."""
        self.config.option.loadscopereorder = False
        super().schedule()

    def _assign_work_unit(self, node: WorkerController) -> None:
        if node is not self.nodes[0]:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)

"""Walk the whole hostile origin and say what did not end as it must.

    python tests/hostile/hostile_runner.py [--database-url postgresql://…] [--limit-s 30] [--only FAMILY]

Prints one JSON line for pages and one for feeds; exit status 1 when a case ended otherwise, a canary was touched, a
log line was wrong, or a worker and its child took more than 400 MB. The PostgreSQL database must be empty.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]

from content_cases import CONTENT_CASES  # noqa: E402
from feed_cases import FEED_CASES  # noqa: E402
from hostile_ends import all_faults, feed_faults, page_faults  # noqa: E402
from hostile_road import walk_feeds, walk_pages  # noqa: E402
from transport_cases import TRANSPORT_CASES  # noqa: E402

PAGE_CASES = (*TRANSPORT_CASES, *CONTENT_CASES)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url", help="an empty PostgreSQL database (default: SQLite)")
    parser.add_argument("--limit-s", type=float, default=30.0, help="the client's total deadline")
    parser.add_argument("--only", help="one family of cases")
    options = parser.parse_args()
    is_clean = True
    for kind, walk, judge, cases in (
        ("pages", walk_pages, page_faults, PAGE_CASES),
        ("feeds", walk_feeds, feed_faults, FEED_CASES),
    ):
        chosen = [case for case in cases if options.only in (None, case.family)]
        if not chosen:
            continue
        with tempfile.TemporaryDirectory(prefix="frontwire-hostile-") as name:
            url = options.database_url or f"sqlite:///{name}/hostile.db"
            end = walk(Path(name), url, chosen, options.limit_s)  # type: ignore[operator]
        faults = all_faults(end, chosen, judge)
        is_clean = is_clean and not faults
        told = {
            "what": kind,
            "cases": len(chosen),
            "families": Counter(case.family for case in chosen),
            "faults": faults,
            "canary_hits": len(end.origin.canary_hits),
            "requests": len(end.origin.requests),
            "worker_tree_mb": end.tree_peak_bytes >> 20,
            "seconds": round(end.seconds, 1),
        }
        print(json.dumps(told), flush=True)
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())

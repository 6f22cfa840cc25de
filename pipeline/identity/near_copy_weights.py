"""The fitted weights of copy_score. Written by `benchmarks/fit_near_copies.py --write`, not by hand.

Fitted to 21,410 generated and 5,995 real pairs, 8,599 of them copies.
"""

from typing import Final

BIAS: Final = 9.5111
WEIGHTS: Final[dict[str, float]] = {
    "inner_shared": 13.0110,
    "outer_shared": 11.1967,
    "inner_lead": -1.5744,
    "outer_lead": 1.8738,
    "inner_tail": -2.2037,
    "outer_tail": -2.2197,
    "inner_long_words": -7.3085,
    "outer_long_words": -13.5914,
    "inner_figures": -0.0869,
    "outer_figures": 0.1751,
    "log_common": 4.6444,
    "log_run": -2.5671,
    "log_inner_shingles": -3.4610,
    "log_swapped": -0.6095,
    "log_ratio": 1.6875,
}

"""Which weights the code belongs to. `benchmarks/fit_near_copies.py --write` writes this file and the data it names."""

NEAR_COPIES_SHA256 = "399ff0dac306fafd546e7eac2ae6156ab22e69514b23364474d512fee3de5c54"

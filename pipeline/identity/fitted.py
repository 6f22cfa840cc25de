"""Which weights the code belongs to. `benchmarks/fit_near_copies.py --write` writes this file and the data it names."""

NEAR_COPIES_SHA256 = "77bb0f49a9f100b17762a1c25ec84853df753506d54379471524f5400337deb1"

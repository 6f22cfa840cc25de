"""Which weights the code belongs to. `benchmarks/fit_near_copies.py --write` writes this file and the data it names."""

NEAR_COPIES_SHA256 = "07d04ffa69a3a21cc90f4bdf8c71f20f8a4004345462d404231d890bfeb6de14"

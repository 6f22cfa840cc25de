"""Which model files the code belongs to. `benchmarks/train_model.py --write` writes this file."""

MODEL_SHA256 = {"en": "73198facd93763250c990056d78718a7e83b5850ca7d3f90c0b0cbe45fdaedc7"}

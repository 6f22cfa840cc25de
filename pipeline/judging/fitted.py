"""Which model files the code belongs to. `benchmarks/train_model.py --write` writes this file."""

MODEL_SHA256 = {"en": "94535dda8e0e368e2674b4925da0c2a73aaeb32323f92c6d4d3ebf59f1c41aa6"}

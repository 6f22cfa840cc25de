"""Which model files the code belongs to. `benchmarks/train_model.py --write` writes this file."""

MODEL_SHA256 = {"en": "0d0a2183d44050dd97624fe7f6522cf91a517cf8ba096e8a77f7be80c3f2e8fd"}

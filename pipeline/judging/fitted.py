"""Which model files the code belongs to. `benchmarks/train_model.py --write` writes this file."""

MODEL_SHA256 = {"en": "03e907ce94afd66b0f7b4b6af4ddaed1f0be670f5cde34da4f8dcceb180e0eee"}

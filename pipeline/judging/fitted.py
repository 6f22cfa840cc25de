"""Which model files the code belongs to. `benchmarks/train_model.py --write` writes this file."""

MODEL_SHA256 = {"en": "80abde529a6142bc81cec1404896e07b6570687a0536358e137057416f17cd77"}

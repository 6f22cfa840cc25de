"""Which model files the code belongs to. `benchmarks/train_model.py --write` writes this file."""

MODEL_SHA256 = {
    "en": "16b6a958550af8ecc1aa539b7508ed239e938ce6cf6b6c772657feb44dc22959",
    "pl": "e7a34a7b406d62a970afc8c9d47f7fa03e258fff45285a8850097c579d731473",
}

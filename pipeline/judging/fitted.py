"""Which model files the code belongs to. `benchmarks/train_model.py --write` writes this file."""

MODEL_SHA256 = {
    "en": "de4883664e7082e6983a9a7d241a3f36cdf3d3e1ff5a3104cd72de8fbdf97169",
    "pl": "e7a34a7b406d62a970afc8c9d47f7fa03e258fff45285a8850097c579d731473",
}

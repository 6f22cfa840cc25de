# Two commands do all the set-up: `make run` and `make test`. Both need only Python 3.11+ with pip.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
CORPUS ?=
LABELS ?=
TEXTS ?=
LESSONS ?=
STORIES ?= 100000
SEEDS ?= 1 2 3 4 5
URLS ?= 20000
KILLS ?= 550
GAP ?= 2
SERVER ?=
LIMIT ?= 30
OUTAGE ?= 300
SEED ?= 1
FEED_MUTANTS ?= 200000
PAGE_MUTANTS ?= 50000
TREE ?=
JOBS ?= 10000
SIZES ?= 1000 10000 100000
CHARS ?=
MACHINES ?= 1
POSTGRES ?=

.PHONY: run demo test lint types fast-test rq chaos outages hostile fuzz soak audit train train-near-copies lists bench bench-classification \
        bench-dashboards bench-dashboards-replay bench-dispatch bench-near-copies bench-near-copies-scale bench-revisions \
        bench-scale bench-workers bench-day \
        bench-extraction bench-extraction-folds bench-extraction-cpu bench-reading-cpu bench-peers grafana lock wheel clean

run: $(VENV)/ready-run            ## Run everything on this machine (SQLite, embedded Valkey, dashboard)
	$(BIN)/frontwire run

demo: $(VENV)/ready-run           ## The same over a small recorded wire; no network needed
	$(BIN)/frontwire demo

test: $(VENV)/ready-test lint types  ## Every check that runs on every change
	$(BIN)/python -m pytest -n 2 --dist loadfile

fast-test: $(VENV)/ready-test     ## Without starting whole process trees and browsers
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not processes and not browser"

lint: $(VENV)/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/ready-test
	$(BIN)/mypy

rq: $(VENV)/ready-test            ## RQ's faults and the queue alone: run this first when rq is upgraded
	$(BIN)/python -m pytest tests/workers/test_rq_faults.py tests/workers/test_queue.py

chaos: $(VENV)/ready-test         ## kill -9 of everything, at length: SEEDS, URLS, KILLS and GAP seconds; SERVER=postgresql://… for PostgreSQL too
	cd tests && ../$(BIN)/python chaos_runner.py --urls $(URLS) --kills $(KILLS) --gap-s $(GAP) --limit-s 7200 $(SEEDS:%=--seed %)
	$(if $(SERVER),cd tests && ../$(BIN)/python chaos_runner.py --urls $(URLS) --kills $(KILLS) --gap-s $(GAP) --limit-s 7200 $(SEEDS:%=--seed %) --server-url $(SERVER))

outages: $(VENV)/ready-test       ## Database, queue, disk and clock taken away for OUTAGE seconds each, on both databases
	$(BIN)/python tests/outage_runner.py --database postgresql --outage-s $(OUTAGE)
	$(BIN)/python tests/outage_runner.py --database sqlite --outage-s $(OUTAGE)

hostile: $(VENV)/ready-test       ## Every hostile page and feed with the real deadline: LIMIT seconds
	$(BIN)/python tests/hostile/hostile_runner.py --limit-s $(LIMIT)

fuzz: $(VENV)/ready-test          ## FEED_MUTANTS, PAGE_MUTANTS, SEED, TREE=directory of more feeds; findings are kept
	$(BIN)/python tests/fuzz/fuzz_runner.py --target feed --count $(FEED_MUTANTS) --seed $(SEED) $(TREE:%=--tree %)
	$(BIN)/python tests/fuzz/fuzz_runner.py --target page --target charset --count $(PAGE_MUTANTS) --seed $(SEED)
	$(BIN)/python tests/fuzz/fuzz_runner.py --target url --target date --target words --target opml --target robots --target header --target setting --count $(PAGE_MUTANTS) --seed $(SEED)

soak: $(VENV)/ready-test          ## JOBS jobs through one worker under long readers: memory and the write-ahead log
	cd tests && ../$(BIN)/python soak_runner.py --jobs $(JOBS)

audit: $(VENV)/ready-test         ## Known weaknesses of the pinned dependencies (asks pypi.org; uvx fetches pip-audit)
	uv export --quiet --frozen --all-extras --no-emit-project --format requirements-txt | uvx pip-audit --require-hashes --disable-pip -r /dev/stdin

lists: $(VENV)/ready-test         ## After a change of the English lists (pipeline/judging/data): write them as they are used
	PYTHONPATH=. $(BIN)/python benchmarks/compile_lists.py

train: $(VENV)/ready-test         ## LABELS=labels.jsonl [TEXTS=more.jsonl] [LANGUAGE=pl]: measure, fit, write the model and its digest
	$(PIP) install --quiet -e ".[train]"
	PYTHONPATH=. OMP_NUM_THREADS=1 $(BIN)/python benchmarks/train_model.py --labels "$(LABELS)" $(TEXTS:%=--texts %) $(LANGUAGE:%=--language %) --write

bench-classification: $(VENV)/ready-test  ## LABELS=… [TEXTS=…] [LESSONS=DIR]: the cross-validated figures
	$(PIP) install --quiet -e ".[train]"
	PYTHONPATH=. OMP_NUM_THREADS=1 $(BIN)/python benchmarks/train_model.py --labels "$(LABELS)" $(TEXTS:%=--texts %) $(LESSONS:%=--lessons %) --theatres

bench: $(VENV)/ready-test         ## [CORPUS=DIR]: starts, settling and the whole road, against the last release's figures
	PYTHONPATH=. $(BIN)/python benchmarks/suite.py $(CORPUS:%=--corpus %)

bench-dashboards: $(VENV)/ready-test  ## STORIES=100000: what every panel, search and settling cost over many stories
	PYTHONPATH=. $(BIN)/python benchmarks/dashboards.py --stories $(STORIES)

bench-dashboards-replay: $(VENV)/ready-test  ## CORPUS=DIR SHOTS=DIR: every page in Chromium over the stories of a recorded wire
	PYTHONPATH=. $(BIN)/python benchmarks/dashboards_replay.py --corpus "$(CORPUS)" --screenshots "$(SHOTS)"

bench-dispatch: $(VENV)/ready-test  ## What a dispatch costs with 100,000 URLs waiting
	PYTHONPATH=. $(BIN)/python benchmarks/dispatch.py

train-near-copies: $(VENV)/ready-test  ## CORPUS=DIR: cross-validate, fit and write the verifier of near-copies
	$(PIP) install --quiet -e ".[train]"
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/fit_near_copies.py --corpus "$(CORPUS)" --folds 5 --write

bench-near-copies: $(VENV)/ready-test  ## CORPUS=DIR [POSTGRES=URL]: every figure of docs/near-copies.md
	$(BIN)/python benchmarks/near_copies.py --corpus "$(CORPUS)" --in-flight 1,16,64 $(POSTGRES:%=--postgres %)

bench-near-copies-scale: $(VENV)/ready-test  ## STORIES=10000000: cost and size with so many synthetic signatures
	$(BIN)/python benchmarks/near_copies_scale.py --stories $(STORIES)

bench-scale: $(VENV)/ready-test  ## SIZES="10000 1000000" [CORPUS=DIR] [SERVER=postgresql://…] [CHARS=45]: a story's cost by stage, by size of the store
	PYTHONPATH=. $(BIN)/python benchmarks/scale.py --stories $(SIZES) $(CHARS:%=--chars %) $(CORPUS:%=--corpus %) $(SERVER:%=--server-url %)

bench-workers: $(VENV)/ready-test  ## [CORPUS=DIR] [MACHINES=3]: 1 to 8 workers, on one machine or in so many network namespaces
	PYTHONPATH=. $(BIN)/python benchmarks/several_machines.py --machines $(MACHINES) $(CORPUS:%=--corpus %)

bench-day: $(VENV)/ready-test     ## [CORPUS=DIR]: a simulated day of 180,000 feeds, then a million a day in real time for five minutes
	PYTHONPATH=. $(BIN)/python benchmarks/simulated_day.py
	PYTHONPATH=. $(BIN)/python benchmarks/million_a_day.py $(CORPUS:%=--corpus %)

bench-revisions: $(VENV)/ready-test  ## Looks at a story in 30 days, and what comparing two versions costs
	PYTHONPATH=. $(BIN)/python benchmarks/revisions.py

bench-extraction: $(VENV)/ready-test  ## CORPUS=folder with gold.jsonl: fails below the floor recorded for the corpus
	PYTHONPATH=. $(BIN)/python benchmarks/extraction_quality.py --corpus "$(CORPUS)"

bench-extraction-folds: $(VENV)/ready-test  ## CORPUS=…: thresholds chosen on four folds of sites, measured on the fifth
	PYTHONPATH=. $(BIN)/python benchmarks/extraction_quality.py --corpus "$(CORPUS)" --folds

bench-extraction-cpu: $(VENV)/ready-test   ## CORPUS=…: CPU of reading against trafilatura, page by page in turns
	PYTHONPATH=. $(BIN)/python benchmarks/extraction_cpu.py --corpus "$(CORPUS)"

bench-reading-cpu: $(VENV)/ready-test   ## CORPUS=…: all that the reading child does for a page against the bare loop, by stages
	PYTHONPATH=. $(BIN)/python benchmarks/reading_cpu.py --corpus "$(CORPUS)"

bench-peers: $(VENV)/ready-test   ## CORPUS=folder with gold.jsonl: beside newspaper4k, news-please and Fundus on one recorded wire
	test -x $(VENV)-peers/bin/python || $(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/pip --disable-pip-version-check install --quiet "newspaper4k[all]==0.9.6" news-please==1.6.16 fundus==0.5.7 curl_cffi==0.13.0
	PYTHONPATH=. $(BIN)/python benchmarks/peers.py --corpus $(CORPUS) --peers $(VENV)-peers/bin/python

grafana: $(VENV)/ready-test       ## Write dashboards/grafana/dashboards from the code beside it
	$(BIN)/python dashboards/grafana/build.py

lock:                             ## Refresh uv.lock after a change of dependencies
	uv lock

wheel: $(VENV)/ready-test
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Frontwire needs Python 3.11 or newer: make PYTHON=python3.12 run")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready-run: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet -e ".[dashboard]"
	@touch $@

$(VENV)/ready-test: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet -e ".[dev]"
	@touch $@

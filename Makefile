# Everything a newcomer needs. PYTHON picks the interpreter (3.11 or newer), VENV the virtual environment.
PYTHON ?= python3
VENV   ?= .venv
SCORE  ?= examples/amazing-grace.musicxml
OUT    ?= out/$(basename $(notdir $(SCORE))).wav
BIN    := $(VENV)/bin
PIP     = $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: help sing serve dev test check node bench soak voice-wheel clean

help:            ## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1	/p' $(MAKEFILE_LIST) | expand -t 14

sing: $(VENV)/.sing   ## sing SCORE (default: the example hymn) to OUT; ARGS="--verse 1" for more options
	@mkdir -p $(dir $(OUT))
	$(BIN)/cantilena sing "$(SCORE)" --output "$(OUT)" --force $(ARGS)

serve: $(VENV)/.serve ## the HTTP api and its page, on this machine alone; ARGS="--port 8081" for another port
	$(BIN)/cantilena serve $(ARGS)

dev: $(VENV)/.test    ## the same over emulators of what it uses in the cloud; Ctrl-C stops all of them
	@$(BIN)/python -m tests.serving.dev $(ARGS)

test: $(VENV)/.test   ## run the tests; ARGS="-k reader" for some of them
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.test  ## lint, types, import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

node: $(VENV)/.node   ## what the tests of the MCP server run besides: the public conformance suite and the Inspector

bench: $(VENV)/.bench ## measure: reading, singing, memory, and the voice by the judge
	$(BIN)/python -m benchmarks

soak: $(VENV)/.test   ## what takes long: hundreds of killed downloads, workers and services, stores that are away
	CANTILENA_TEST_KILLS=200 $(BIN)/python -m pytest tests/integration/test_bucket_processes.py
	CANTILENA_TEST_KILLS=100 $(BIN)/python -m pytest tests/integration/test_worker_kills.py
	CANTILENA_TEST_JOBS=50 $(BIN)/python -m pytest tests/integration/test_service_kills.py
	CANTILENA_TEST_TIMES=10 $(BIN)/python -m pytest --timeout=600 tests/integration/test_job_machine.py
	CANTILENA_TEST_OUTAGE=30 $(BIN)/python -m pytest tests/integration/test_rehearsal.py

voice-wheel: $(VENV)/.sing  ## build the wheels of the package and of its voice into dist/
	$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist . packages/cantilena-voice-vesper

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Cantilena needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.sing: $(VENV)/.venv requirements/sing.txt pyproject.toml
	$(PIP) --requirement requirements/sing.txt
	$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.serve: $(VENV)/.sing requirements/serve.txt
	$(PIP) --requirement requirements/serve.txt
	@touch $@

$(VENV)/.test: $(VENV)/.sing requirements/test.txt
	$(PIP) --requirement requirements/test.txt
	@touch $@

$(VENV)/.node: $(VENV)/.venv requirements/node/package.json requirements/node/package-lock.json
	@mkdir -p $(VENV)/node
	cp requirements/node/package.json requirements/node/package-lock.json $(VENV)/node/
	npm ci --prefix $(VENV)/node --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/.bench: $(VENV)/.test benchmarks/requirements.txt
	$(PIP) --requirement benchmarks/requirements.txt
	@touch $@

clean:           ## remove what was built here, the virtual environment too
	rm -rf $(VENV) build dist out

# The three things a person does: make demo, make test, make ui. And make bench, for benchmarks/.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# Two processes, whatever the machine: their Rays share it.
PYTEST := $(BIN)/pytest -n 2

export MIDTRAIN_ROOT ?= $(CURDIR)/store
# Dagster needs a folder, also where the store is none.
export DAGSTER_HOME  ?= $(if $(findstring ://,$(MIDTRAIN_ROOT)),$(CURDIR)/store,$(abspath $(MIDTRAIN_ROOT)))/.dagster

# Where `make ui` is seen, for the links of alerts.
export MIDTRAIN_WEBSERVER_URL ?= http://127.0.0.1:3000

.PHONY: demo test slow every-test ui data bench clean

demo: data
	$(BIN)/midtrain run recipes/demo.yaml

test: data
	$(PYTEST)

slow: data
	$(PYTEST) -m slow

# What both make once is made once.
every-test: data
	$(PYTEST) -m "" --durations=30

ui: data
	@$(BIN)/python -c "from midtrain.places import settle; settle()"
	$(BIN)/dagster dev --workspace workspace.yaml --host 127.0.0.1

data: $(READY)
	@$(BIN)/midtrain fetch

bench: data .bench/.ready
	@$(BIN)/python -m benchmarks.corpus

.bench/.ready: benchmarks/peers.txt
	$(PYTHON) -m venv .bench
	.bench/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(READY): pyproject.toml constraints.txt
	@echo "Installing some 275 packages into $(VENV): about three minutes and 3.1 GB, once"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --constraint constraints.txt --editable '.[development]'
	@touch $@

clean:
	rm -rf $(VENV) .bench store

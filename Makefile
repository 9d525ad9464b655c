# make test    everything but the long tests against real registries (a test that lacks a program says so and is skipped)
# make lint    formatting, style, types, layers
# make real    the tests against real registries and peer programs; none may be skipped
# make bench   ocictl beside oras, curl, oras-py and skopeo, alternating; writes docs/benchmarks.md (needs docker-registry)
# make fuzz    archives, compressed data, documents and answers that were tampered with, for ten minutes
# make demo    a tour of the program against a registry on this machine
#
# PYTHON=...         the Python to use, 3.11 or newer; found by itself otherwise
# VENV=...           where the virtual environment goes
# INSTALL=wheel      test a built and installed wheel, not the files of this checkout
# PYTEST_ARGS=...    further arguments for pytest
# BENCH_ARGS=...     --quick, --only 'push 1 x;resolve', --rounds 3, --report, --list; see --help
# JOBS=...           how many tests run at once

VENV ?= .venv
INSTALL ?= editable
PYTEST_ARGS ?=
JOBS ?= 2

BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(INSTALL)
# With a wheel the checkout stays off the import path, so that nothing but the wheel can be imported.
PYTEST_wheel := OCICTL_TEST_INSTALLED=1 $(BIN)/pytest -o pythonpath=
PYTEST_editable := $(BIN)/pytest
PYTEST := $(PYTEST_$(INSTALL)) -q
SOURCES_wheel := $(shell find ocictl -type f -not -name '*.pyc')

.PHONY: all venv test lint real demo bench fuzz clean
all: lint test

venv: $(READY)

$(READY): pyproject.toml $(SOURCES_$(INSTALL)) tests/support/make-venv.sh
	@bash tests/support/make-venv.sh "$(VENV)" "$(INSTALL)"
	@touch $@

test: $(READY)
	$(PYTEST) -n $(JOBS) -m "not (slow and (real or interop))" $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict ocictl
	$(BIN)/lint-imports

real: $(READY)
	OCICTL_REQUIRE=$${OCICTL_REQUIRE:-shared,real,interop} $(PYTEST) -n $(JOBS) -m "real or interop" $(PYTEST_ARGS)

demo: $(READY)
	PATH="$(abspath $(BIN)):$$PATH" bash examples/demo.sh

bench: $(READY)
	$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz --seconds 600 $(FUZZ_ARGS)

clean:
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .demo .fuzz

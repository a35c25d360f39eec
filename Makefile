# Two commands: `make demo` and `make test`. Both set up what they need in .venv; nothing else of the machine is changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench cluster-tools man clean

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

# etcd, kube-apiserver, kube-controller-manager and kube-scheduler, built once a machine, outside the clone.
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

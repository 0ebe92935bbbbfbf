# Outrigger: every habit is a target. `make` lists them.
.DEFAULT_GOAL := help

# node_modules of the committed lock file.
node_modules/.installed: package.json package-lock.json
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a == 22 && b >= 13) || (a == 20 && b >= 19) ? 0 : 1)' \
	  || { echo "Node.js 20.19, 22.13 or 24 is needed (or later ones of these): https://nodejs.org"; exit 1; }
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: node_modules/.installed ## build all modules into build/
	@npm run -s build

.PHONY: demo
demo: build ## show a dark launch, traces, authorization and rate limits on a real Envoy, then stop
	@npm run -s demo

.PHONY: dev
dev: build ## keep Envoy running; rebuild and reload on change
	@npm run -s dev

.PHONY: up
up: build ## start the local Envoy in containers, with all that its filters ask (PROFILE=metrics: Prometheus and Grafana too)
	@docker compose -f envoy/docker-compose.yaml $(if $(PROFILE),--profile $(PROFILE)) up --wait

.PHONY: smoke
smoke: node_modules/.installed ## prove each filter on what `make up` has started (ARGS="--metrics": what Prometheus has, too)
	@npm run -s smoke -- $(ARGS)

.PHONY: down
down: ## stop the containers and remove them
	@docker compose -f envoy/docker-compose.yaml --profile metrics down

.PHONY: test
test: node_modules/.installed ## all tests: runtime, host, scenarios on the host and on a real Envoy
	@npm run -s test

.PHONY: e2e
e2e: node_modules/.installed ## tests against real servers: envoyproxy/ratelimit, Istio, kustomize, Helm, crane (need Go), redis-server, docker-registry, Zipkin (Java, Maven), Docker with the containers of envoy/ (root)
	@npm run -s e2e

.PHONY: fuzz
fuzz: build ## random configurations and requests for longer (SECONDS=600, SEED=n)
	@npm run -s fuzz

.PHONY: bench
bench: build ## the cost of a request, beside native filters and other SDKs (ARGS="--quick")
	@npm run -s bench -- $(ARGS)

.PHONY: publish
publish: build ## bring all modules of a commit into a registry (REGISTRY=ghcr.io/example TAG=1.0.0 ARGS="--plain-http")
	@npm run -s publish-modules -- "$(REGISTRY)" $(if $(TAG),--tag "$(TAG)") $(ARGS)

.PHONY: check
check: node_modules/.installed ## lint, format check and type check
	@npm run -s lint && npm run -s format:check && npm run -s types

.PHONY: format
format: node_modules/.installed ## format all files
	@npm run -s format

.PHONY: clean
clean: ## remove what was built
	rm -rf build coverage

# What a new machine needs is python3 (3.11 or newer) and make; `make help` lists the targets.

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=

PIP    = "$(VENV)/bin/python" -m pip --quiet --disable-pip-version-check install
BNEXP  = "$(VENV)/bin/python" -m bnexp
RUN    = "$(VENV)/bin/python" -m
# Side by side, but no more than four: each holds about 1 GB, and so does a trial that it trains. Of a module's tests
# most stay in one process, in their order, so that what they share is made once.
PYTEST = $(RUN) pytest -n logical --maxprocesses 4 --dist worksteal
DEMO   = results/demo
SMOKE  = results/smoke
FULL   = results/full
MAIN_FIGURES = mnist-accuracy-steps.png mnist-loss-steps.png mnist-accuracy.png mnist-differences.png \
  mnist-time-to-target.png \
  batch_size-accuracy-by-batch-size.png batch_size-differences.png batch_size-accuracy-steps-validation.png

.DEFAULT_GOAL := help
.PHONY: help demo test test-all setup oracle lint check smoke run report reference records methods further claims bench audit soak clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: $(VENV)/.installed  ## install, train configs/demo.yaml on 5,000 embedded images with 8 seeds, and report
	$(BNEXP) run configs/demo.yaml --results $(DEMO)
	@$(BNEXP) report --results $(DEMO) >/dev/null
	@echo
	@echo "Open this page in a browser: $(CURDIR)/$(DEMO)/report/index.html"

test: $(VENV)/.installed-test  ## run the tests, but for the slow ones (make test ARGS="-n 0 tests/norms")
	$(PYTEST) -m "not slow" $(ARGS)

test-all: $(VENV)/.installed-test  ## run all tests, long simulations and soaks too
	$(PYTEST) $(ARGS)

setup: $(VENV)/.installed-dev  ## install everything that developing takes, into .venv

oracle: $(VENV)/.installed-test  ## install torch (large), so that the tests compare with it too
	@$(PIP) --editable '.[oracle]'

lint: $(VENV)/.installed-dev  ## format, lint, strict types
	$(RUN) ruff format --check bnexp tests
	$(RUN) ruff check bnexp tests
	$(RUN) mypy

check: lint  ## format, lint, strict types, all tests, and how many lines they reach
	$(PYTEST) --cov --cov-report=term $(ARGS)

# What rounds differently on another processor rounds differently here too, once oneDNN may use less of this one.
# TensorFlow does not learn of that, and still sends it half precision where the processor has it, which then crashes; so
# no test marked numeric computes in float16 or bfloat16.  TensorFlow itself wants AVX.
.PHONY: test-isa
ISAS = TF_ENABLE_ONEDNN_OPTS=0 ONEDNN_MAX_CPU_ISA=AVX2
test-isa: $(VENV)/.installed-test  ## the numeric tests as on other processors: without oneDNN, with AVX2
	@for isa in $(ISAS); do \
	  echo "== $$isa"; env $$isa $(or $(PYTEST),$(RUN) pytest) -m "numeric and not slow" $(ARGS) || exit 1; done

smoke: $(VENV)/.installed  ## a tiny form of every config, and its report; offline
	$(BNEXP) run configs/*.yaml --smoke --results $(SMOKE)
	$(BNEXP) report --strict --results $(SMOKE)

run: $(VENV)/.installed  ## train what is missing of configs/*.yaml; again = resume (make run ARGS="--seeds 0-4")
	$(BNEXP) run configs/*.yaml $(ARGS)

report: $(VENV)/.installed  ## write results/report/ from what is stored
	$(BNEXP) report $(ARGS)

reference: $(VENV)/.installed  ## results/reference/ anew, on all of MNIST (MNIST=its folder); hours, and resumes
	$(BNEXP) run configs/mnist.yaml configs/batch_size.yaml --device cpu --results $(FULL) \
	  $(if $(MNIST),--data-dir "$(MNIST)")
	$(BNEXP) report mnist batch_size --results $(FULL) >/dev/null
	mkdir -p results/reference/figures
	cp -r $(FULL)/report/tables $(FULL)/report/trials.csv $(FULL)/report/evaluations.csv results/reference/
	rm results/reference/tables/*missed-images*
	sed -e '/^### Figures$$/,/^### Every test/{/^### Every test/!d;}' -e '/^| test image /,/missed-images.csv/d' \
	  $(FULL)/report/report.md > results/reference/report.md
	cd $(FULL)/report/figures && cp $(MAIN_FIGURES) "$(CURDIR)/results/reference/figures/"

records: $(VENV)/.installed  ## put the committed records of the reference runs into results/full, to go on from
	"$(VENV)/bin/python" results/reference/records.py unpack $(FULL)

methods: $(VENV)/.installed  ## results/reference/methods/ anew: every method, two epochs of MNIST; two hours, and resumes
	$(BNEXP) run configs/methods/cnn.yaml --device cpu --results $(FULL) $(if $(MNIST),--data-dir "$(MNIST)")
	$(BNEXP) report methods-cnn --results $(FULL) --out $(FULL)/methods >/dev/null
	mkdir -p results/reference/methods
	cp -r $(FULL)/methods/tables $(FULL)/methods/trials.csv results/reference/methods/
	rm -f results/reference/methods/tables/*missed-images*
	cd $(FULL)/methods/figures && cp methods-cnn-differences.png methods-cnn-accuracy.png \
	  methods-cnn-accuracy-steps-recalibrated-validation.png "$(CURDIR)/results/reference/methods/"

FURTHER = deep federated recurrent
further: $(VENV)/.installed  ## results/reference/further/ anew: deep, federated, recurrent; two hours, and resumes
	$(BNEXP) run $(FURTHER:%=configs/%.yaml) --device cpu --results $(FULL) $(if $(MNIST),--data-dir "$(MNIST)")
	$(BNEXP) report $(FURTHER) --results $(FULL) --out $(FULL)/further >/dev/null
	mkdir -p results/reference/further/figures
	cp -r $(FULL)/further/tables $(FULL)/further/trials.csv results/reference/further/
	rm -f results/reference/further/tables/*missed-images*
	cd $(FULL)/further/figures && cp deep-accuracy.png deep-gradient-ratios.png federated-accuracy-by-shards.png \
	  federated-accuracy-steps-recalibrated-validation.png recurrent-accuracy-by-model.png recurrent-differences.png \
	  "$(CURDIR)/results/reference/further/figures/"

CLAIMS = $(patsubst configs/claims/%.yaml,claim-%,$(wildcard configs/claims/*.yaml))
claims: $(VENV)/.installed  ## results/reference/claims/ anew: the sixteen claims, on all of MNIST; hours, and resumes
	$(BNEXP) run configs/claims/inference-cost.yaml --jobs 1 --device cpu --results $(FULL) \
	  $(if $(MNIST),--data-dir "$(MNIST)")
	$(BNEXP) run configs/claims/*.yaml --device cpu --results $(FULL) $(if $(MNIST),--data-dir "$(MNIST)")
	$(BNEXP) report $(CLAIMS) --results $(FULL) --out $(FULL)/claims >/dev/null
	mkdir -p results/reference/claims/tables results/reference/claims/figures
	$(BNEXP) claims --results $(FULL) --markdown > results/reference/claims/verdicts.md
	sed -n '/^## What is claimed/,/^## What was found/{/^|/p;}' $(FULL)/claims/report.md > results/reference/claims/summary.md
	cp $(FULL)/claims/tables/*-claim-*.csv results/reference/claims/tables/
	cp $(FULL)/claims/figures/*-claim-*.png results/reference/claims/figures/

bench: $(VENV)/.installed-test  ## speed and memory beside plain model.fit and the targets; writes results/bench/
	"$(VENV)/bin/python" tests/bench/bench.py $(if $(MNIST),--data-dir "$(MNIST)") $(ARGS)

audit: $(VENV)/.installed-test  ## what a report promises, measured on made-up experiments; writes results/audit/; ten minutes
	"$(VENV)/bin/python" tests/audit/audit.py $(ARGS)

soak: $(VENV)/.installed-test  ## 200 tiny trials with workers killed at random: nothing may be lost; minutes
	"$(VENV)/bin/python" tests/running/test_soak.py 200

clean:  ## remove the virtual environment, builds and caches; never results
	rm -rf -- "$(VENV)" build dist .pytest_cache .mypy_cache .ruff_cache
	find bnexp tests -name __pycache__ -prune -exec rm -rf {} +

# A marker tells that a step is done, so that it is not repeated until pyproject.toml changes.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "bnexp needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) --version 2>&1`;" \
	       "name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv "$(VENV)" || { \
	  echo "no virtual environment could be made; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch "$@"

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	@echo "Installing bnexp and TensorFlow into $(VENV): about a minute"
	@$(PIP) --editable .
	@touch "$@"

$(VENV)/.installed-test: $(VENV)/.made pyproject.toml
	@echo "Installing bnexp and what its tests need into $(VENV): about a minute"
	@$(PIP) --editable '.[test]'
	@touch "$@" "$(VENV)/.installed"

$(VENV)/.installed-dev: $(VENV)/.made pyproject.toml
	@echo "Installing bnexp and what developing it takes into $(VENV): about a minute"
	@$(PIP) --editable '.[dev]'
	@touch "$@" "$(VENV)/.installed" "$(VENV)/.installed-test"

# The few commands a person repeats. `make env` first, or let the others do it.

PYTHON ?= python3
CORES ?= 2
BIN := .venv/bin
# Rules call `python`: it must be the environment's.
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: help env demo unlock test lint lock config-docs rules bench

help:
	@echo 'make env        the environment in .venv, from requirements.lock (6 GB)'
	@echo 'make demo       the pipeline on built-in data, to results/report.html'
	@echo 'make unlock     the lock of a killed Snakemake, unless somebody is at work'
	@echo 'make test       every check'
	@echo 'make config-docs config/README.md from the schemas'
	@echo 'make rules      the diagram in docs/pipeline.md from the rules'
	@echo 'make lock       requirements.lock and environment.yml from requirements.in'
	@echo 'make bench      speed beside its targets: a table and a plot'

env: .venv/installed

.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11 env")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --require-hashes -r requirements.lock
	@echo '$(CURDIR)/src' > "$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])')/vlae.pth"
	@touch $@

# Killed at any moment, the same command goes on, once no job of before is at work.
demo: unlock
	$(RUN) snakemake --cores $(CORES) --configfile config/demo.yaml
	@echo 'The report is at results/report.html'

unlock: env
	@$(RUN) python -m vlae unlock

# Three at a time, as the tests on SLURM mostly wait.
test: env lint
	$(RUN) OMP_NUM_THREADS=1 pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: env
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile workflow
	$(RUN) mypy
	$(RUN) snakemake --lint

config-docs: env
	$(RUN) python -m vlae config-docs --out config/README.md

rules: env
	$(RUN) python workflow/rulegraph.py docs/pipeline.md

lock:
	uv pip compile --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 requirements.in -o requirements.lock
	$(RUN) python workflow/environment.py requirements.lock environment.yml

# Beside the environment, and only for the benchmark: pythae is no dependency.
.benchmarks-pythae/installed: benchmarks/pythae.txt
	$(BIN)/python -m pip install --no-deps --require-hashes --upgrade \
	  --target .benchmarks-pythae -r benchmarks/pythae.txt
	@touch $@

bench: env .benchmarks-pythae/installed
	$(RUN) python benchmarks/run.py
	@echo 'The table and the plot are in results/benchmarks/speed'

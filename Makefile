# Commands for people. `make env` comes first; the other targets call it.

PYTHON ?= python3
CORES ?= 2
BIN := .venv/bin
# Rules call `python`: it must be the environment's. The shell inserts the folder, and
# tools are called as modules, so that blanks and quotes in its path do no harm.
RUN := PATH="$$PWD/$(BIN):$$PATH"

.PHONY: help env demo unlock test check test-slow test-portable lint lock config-docs rules docs \
  bench

help:
	@echo 'make env            create the environment in .venv from requirements.lock (6 GB)'
	@echo 'make demo           run the pipeline on built-in data; writes results/report.html'
	@echo 'make unlock         clear a stale Snakemake lock (refuses while jobs run)'
	@echo 'make test           run every check but the slow ones'
	@echo 'make check          run the checks without SLURM, browser and pipelines'
	@echo 'make test-slow      run the slow checks: benchmarks, a wheel, stores, examples'
	@echo 'make test-portable  run the numeric tests as on older processors'
	@echo 'make lint           run only the linters and the type checker'
	@echo 'make config-docs    write config/README.md from the schemas'
	@echo 'make rules          draw the diagram in docs/pipeline.md from the rules'
	@echo 'make docs           build the documentation as a site, in build/site'
	@echo 'make lock           write requirements.lock and environment.yml'
	@echo 'make bench          measure speed and compare it with its targets'

env: .venv/installed

# uv needs a third of pip's time, but does not read pip's settings: a mirror, say.
LOCKED := --require-hashes -r requirements.lock
.venv/locked: requirements.lock workflow/uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11 env")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r workflow/uv.lock
	$(BIN)/python -m uv pip install --python .venv --no-cache --compile-bytecode $(LOCKED) \
	  || { echo 'uv failed, see above. Trying pip, which takes longer.'; \
	  $(BIN)/python -m pip install $(LOCKED); }
	@touch $@

# The package itself, editable. Nothing is resolved or fetched: the lock has it all.
.venv/installed: .venv/locked pyproject.toml
	$(BIN)/python -m pip install --quiet --no-deps --no-index --no-build-isolation \
	  --editable .
	@touch $@

# After a kill at any moment the same command continues, once no earlier job is at work.
demo: env unlock
	$(RUN) python -m snakemake --cores $(CORES) --configfile config/demo.yaml
	@echo 'The report is at results/report.html'

unlock:
	@$(RUN) python -m vlae unlock

# Three at a time, since the tests on SLURM mostly wait.
test: env lint
	$(RUN) OMP_NUM_THREADS=1 python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# For a developer, between two edits.
check: env lint
	$(RUN) OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
	  -m 'not slow and not browser and not pipeline'

# Whole benchmarks, a wheel, compiled steps, stores, the examples of docs/extending.md,
# rare faults: once a week in CI.
test-slow: env
	$(RUN) OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadfile -m slow

lint: env
	$(RUN) python -m ruff check .
	$(RUN) python -m ruff format --check .
	$(RUN) python -m snakefmt --check Snakefile workflow
	$(RUN) python -m mypy
	$(RUN) python -m snakemake --lint

config-docs: env
	$(RUN) python -m vlae config-docs --out config/README.md

rules: env
	$(RUN) python workflow/rulegraph.py docs/pipeline.md

# Strict: a link or a reference that leads nowhere is an error. Nothing is fetched.
# VLAE_REPOSITORY=https://HOST/OWNER/NAME makes links to files lead there.
docs: env
	$(RUN) python -m sphinx -W --keep-going -q -c docs/site . build/site
	@echo 'The site is at build/site/index.html'

lock: env
	$(RUN) python -m uv pip compile --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 requirements.in -o requirements.lock
	$(RUN) python workflow/environment.py requirements.lock environment.yml

# In a separate folder, only for the benchmark: the project does not depend on pythae.
.benchmarks-pythae/installed: benchmarks/pythae.txt
	$(BIN)/python -m pip install --no-deps --require-hashes --upgrade \
	  --target .benchmarks-pythae -r benchmarks/pythae.txt
	@touch $@

bench: env .benchmarks-pythae/installed
	$(RUN) python benchmarks/run.py
	@echo 'The table and the plot are in results/benchmarks/speed'

# Numeric tests as on processors with fewer instructions: first only AVX2, then only SSE.
AVX2 := ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 \
  OPENBLAS_CORETYPE=Haswell
SSE := ONEDNN_MAX_CPU_ISA=SSE41 ATEN_CPU_CAPABILITY=default \
  MKL_ENABLE_INSTRUCTIONS=SSE4_2 OPENBLAS_CORETYPE=Nehalem
NUMERIC := tests/models tests/training/test_trainer.py tests/training/test_onnx_export.py \
  tests/statistics/test_distances.py tests/statistics/test_normality.py \
  tests/statistics/test_sensitivity.py -k 'not killed'

test-portable: env
	$(RUN) OMP_NUM_THREADS=1 $(AVX2) python -m pytest -n 2 $(NUMERIC)
	$(RUN) OMP_NUM_THREADS=1 $(SSE) python -m pytest -n 2 $(NUMERIC)

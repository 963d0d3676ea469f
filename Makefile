# Every target makes the environment it needs; `make demo` and `make test` are where to start.

PYTHON ?= python3
CORES ?= all
# The study that demo, report and notebooks are about, and where explore looks.
CONFIG ?= config.yaml
RESULTS ?= results
# Processes that share the tests.
TESTERS ?= 2
BIN := .venv/bin
ENVIRONMENT := .venv/complete
# TORCH=cpu: PyTorch without CUDA. An environment stays what it was made as, until TORCH says otherwise.
MADE := $(or $(word 2,$(shell cat $(ENVIRONMENT) 2>/dev/null)),locked)
TORCH ?= $(MADE)
ifneq ($(TORCH),$(MADE))
.PHONY: $(ENVIRONMENT)
endif
# What builds the site has an environment of its own.
SITE := .venv-tools/site

# Snakemake keeps copies of its sources in a home; without one, in the working directory.
ifeq ($(shell test -w "$(HOME)" && echo yes),)
export XDG_CACHE_HOME ?= $(CURDIR)/.snakemake/cache
endif

# Where Snakemake looks for what `--profile NAME` names.
PROFILES := $(or $(XDG_CONFIG_HOME),$(HOME)/.config)/snakemake

.PHONY: demo demo-page recording photographs report notebooks explore test test-slurm check-install bench lint docs site configuration lock slurm-profile clean

demo: $(ENVIRONMENT)
	$(BIN)/snakemake --cores $(CORES)

# The page of the docs on what the demo shows, from its tables: what holds in a second run as well,
# of another seed, whose networks were trained anew.
demo-page: demo
	$(BIN)/snakemake --cores $(CORES) --configfile config.yaml --config study=digits-again seed=1
	$(BIN)/actsense findings $(RESULTS)/digits --also $(RESULTS)/digits-again --into docs/demo.md

# A moving picture of the explorer for the docs. It needs Chromium.
recording: demo
	$(BIN)/python -m docs.images.recording $(RESULTS)/digits docs/images/explorer.webp

# A pretrained network on photographs, both from the environment.
photographs: $(ENVIRONMENT)
	$(BIN)/snakemake --cores $(CORES) --configfile workflow/studies/photographs.yaml

# All figures with their captions, in one file: whole or not at all, also where the disk is full.
report: $(ENVIRONMENT)
	$(BIN)/snakemake --configfile $(CONFIG) --report $(RESULTS)/.report.html \
		&& mv $(RESULTS)/.report.html $(RESULTS)/report.html \
		|| { rm -f $(RESULTS)/.report.html; exit 1; }

notebooks: $(ENVIRONMENT)
	$(BIN)/snakemake notebooks --cores $(CORES) --configfile $(CONFIG)

# A page in the browser on all results.
explore: $(ENVIRONMENT)
	$(BIN)/actsense explore $(RESULTS)

# One thread each: threads of several processes would wait for one another, and where there have to
# be two, they sleep until there is something to do. Files in the order that tests/workflow gives them.
test: $(ENVIRONMENT)
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive \
		$(BIN)/python -m pytest --numprocesses=$(TESTERS) --dist=loadfile --no-loadscope-reorder

# Starts a cluster of its own on this machine: root, and Debian's packages slurm-wlm and munge.
test-slurm: $(ENVIRONMENT)
	$(BIN)/python -m pytest --override-ini=addopts=--quiet tests/slurm

# Does this machine come to the numbers that it must? A small study in a folder of its own.
INSTALLED := $(addprefix results/install/fixed/mixed/tables/,layers.csv contrast.csv)
check-install: $(ENVIRONMENT)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
		$(BIN)/snakemake --directory "$$folder" --configfile workflow/studies/install.yaml \
			--cores $(CORES) $(INSTALLED) >/dev/null && \
		$(BIN)/actsense check "$$folder/results/install" --installation

bench: $(ENVIRONMENT)
	$(BIN)/python -m benchmarks

lint: $(ENVIRONMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint

# The reference of the package, made from its docstrings.
REFERENCE := $(addprefix actsense.,inspection acceptance store data augment networks attribution sampling sensitivity \
	correlation recognition single_class masking segments spatial features patterns featvis invariance findings comparison \
	statistics drawing)
docs: $(ENVIRONMENT)
	$(BIN)/python docs/refer.py --docformat google --template-directory docs/pdoc --output-directory docs/reference $(REFERENCE)

# The documentation as a site, in docs/site: its links and its menu are checked first.
site: docs $(SITE)/complete
	$(SITE)/bin/python docs/assemble.py
	$(SITE)/bin/zensical build --strict --clean --config-file docs/zensical.toml

# The schema for editors and the page of all settings, made from the models.
configuration: $(ENVIRONMENT)
	$(BIN)/python -m actsense.study.reference

# The stamp is written last: an environment whose installation was cut off is made again.
$(ENVIRONMENT): envs/requirements.txt pyproject.toml
	PYTHON="$(PYTHON)" TORCH="$(TORCH)" sh envs/install.sh

$(SITE)/complete: envs/site.txt
	PYTHON="$(PYTHON)" sh envs/uv.sh venv --quiet --clear --python "$(PYTHON)" $(SITE)
	PYTHON="$(PYTHON)" sh envs/uv.sh pip sync --quiet --python $(SITE) --require-hashes envs/site.txt
	@touch $@

# What both environments have, they have in one version.
COMPILE := sh envs/uv.sh pip compile --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --upgrade
lock:
	PYTHON="$(PYTHON)" $(COMPILE) envs/requirements.in -o envs/requirements.txt
	PYTHON="$(PYTHON)" $(COMPILE) --constraint envs/requirements.txt envs/site.in -o envs/site.txt

# Makes `snakemake --profile slurm` find profiles/slurm, from any folder.
slurm-profile: $(ENVIRONMENT)
	@mkdir -p "$(PROFILES)"
	@if [ -e "$(PROFILES)/slurm" ] && [ ! -L "$(PROFILES)/slurm" ]; then \
		echo "$(PROFILES)/slurm is there already, and is no link. Move it away first." >&2; exit 1; fi
	@ln -sfn "$(CURDIR)/profiles/slurm" "$(PROFILES)/slurm"
	@echo "Now: snakemake --profile slurm. Its settings are in $(CURDIR)/profiles/slurm/config.yaml"

clean:
	rm -rf .venv .venv-tools .snakemake

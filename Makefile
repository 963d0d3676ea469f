# Every target makes the environment it needs; `make demo` and `make test` are where to start.

PYTHON ?= python3
CORES ?= all
BIN := .venv/bin
ENVIRONMENT := .venv/complete

.PHONY: demo test bench lint lock clean

demo: $(ENVIRONMENT)
	$(BIN)/snakemake --cores $(CORES)

test: $(ENVIRONMENT)
	$(BIN)/python -m pytest

bench: $(ENVIRONMENT)
	$(BIN)/python -m benchmarks

lint: $(ENVIRONMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint

# The stamp is written last: an environment whose installation was cut off is made again.
$(ENVIRONMENT): envs/requirements.txt pyproject.toml
	PYTHON="$(PYTHON)" sh envs/install.sh

lock:
	PYTHON="$(PYTHON)" sh envs/uv.sh pip compile --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --upgrade \
		envs/requirements.in -o envs/requirements.txt

clean:
	rm -rf .venv .venv-tools .snakemake

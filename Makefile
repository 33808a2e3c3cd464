# Shortcuts for Linux and macOS; every line is a command that also works without make.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
REQUIREMENTS ?= requirements.txt
# Notebooks and tests run side by side, with one core each.
export OMP_NUM_THREADS ?= 1
# The tests of the library alone, which need no book.
LIBRARY := $(patsubst %,tests/test_%.py,arguments beyond blocks bounds claims conventions data descent equations experiments \
	explorer_code explorer_python figures homework losses models networks notation own_rules performance rates rules single streams \
	training)
KATEX := node_modules/katex/package.json

.PHONY: book editions serve test oldest newest bench notebooks homework grade fork release clean

# Build the book, strictly: a warning is an error.
book: $(INSTALLED) $(KATEX)
	$(BIN)/jupyter-book build -W -n --keep-going .

# Make a plain notebook of each chapter, for Colab, Binder and any Jupyter; then see _build/editions/book.
editions: $(INSTALLED) $(KATEX)
	$(BIN)/jupyter-book build -W -n --keep-going --builder=custom --custom-builder=editions .

# Build it and serve it on this machine.
serve: book
	@echo "The book is at http://localhost:8000 (stop with Ctrl+C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

# Run every test, and every notebook against the numbers stored in it.
test: $(INSTALLED) $(KATEX)
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --nbval --nbval-cell-timeout 300 tests $(wildcard book homework)

# Test the library with the oldest, or the newest, releases that it may be used with:  make oldest PYTHON=python3.13
oldest newest: RELEASES := _build/releases/bin/python -m
oldest newest:
	$(PYTHON) -m venv --clear _build/releases
	$(RELEASES) pip install --quiet --disable-pip-version-check uv==0.13.8
	$(RELEASES) uv pip install --quiet --python _build/releases --only-binary :all: \
		--resolution $(if $(filter oldest,$@),lowest-direct,highest) -r tests/library.txt -r pyproject.toml --extra chapters
	PYTHONPATH=. $(RELEASES) pytest -W ignore::DeprecationWarning $(LIBRARY)

# Measure speed, beside PyTorch, optax and Keras where they are installed, for the page "performance"; after make book.
bench: $(INSTALLED)
	$(BIN)/python benchmarks/bench.py

# Execute every notebook and write it in normal form.
notebooks: $(INSTALLED)
	$(BIN)/python -m lib.notebooks

# Build the assignments for students and instructors. COURSE, a sentence that only you know, changes all numbers.
homework: $(INSTALLED)
	$(BIN)/python -m lib.homework.build --course "$(COURSE)" $(if $(STUDENTS),--students "$(STUDENTS)")

# Grade a folder of notebooks:  make grade DIR=submissions OUT=grades
grade: $(INSTALLED)
	@$(BIN)/python -m lib.homework.grade "$(or $(DIR),$(error DIR=… is missing))" "$(or $(OUT),$(error OUT=… is missing))" \
		$(if $(SECONDS),--seconds $(SECONDS)) $(if $(MEMORY),--memory $(MEMORY)) $(if $(JOBS),--jobs $(JOBS))

# Say where a copy of the book lives: make fork URL=https://github.com/you/yourbook [BRANCH=main]
fork: $(INSTALLED)
	@$(BIN)/python -m lib.fork "$(URL)" $(BRANCH)

# Build the book, then the files of a release in _build/release: the site as a zip, the book as a PDF.
release: book
	$(BIN)/python -m lib.release

# Remove what was built; what was installed stays.
clean:
	rm -rf _build .pytest_cache

$(INSTALLED): $(REQUIREMENTS) constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and \
	"Downhill needs Python 3.11, 3.12 or 3.13, and this is %d.%d: try  make PYTHON=python3.12" % v)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	@touch $@

# KaTeX's stylesheet and fonts.
$(KATEX): package.json package-lock.json | $(INSTALLED)
	$(BIN)/npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

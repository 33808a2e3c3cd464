"""House rules for every committed notebook; that they run and give the stored numbers is nbval's part.

A rule is a function of a notebook that returns what is wrong with it, as a list of sentences. Each rule is
tried on a made-up notebook that breaks it, so that none is a test that cannot fail.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lib.ledger import KINDS, checks, statements
from lib.notebooks import all_notebooks, normalise, written
from lib.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
CHAPTERS = [
    chapter["file"] for part in TOC["parts"] if part["caption"].startswith("Part ") for chapter in part["chapters"]
]
SECTIONS = (
    "What you will learn", "The problem", "The idea", "The rule", "Why it works", "Where it breaks", "In practice",
    "Summary", "Exercises", "Further reading",
)  # fmt: skip


def name(path):
    """A notebook's name in the table of contents."""
    return path.relative_to(ROOT).with_suffix("").as_posix()


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


# Rules for every notebook.


def executed_in_order(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    return [] if counts == [*range(1, len(counts) + 1)] else [f"execution counts are {counts}"]


def no_errors(notebook):
    bad = {"error": "an error", "stderr": "a message on stderr"}
    return [
        f"cell {cell.execution_count} has {bad[kind]}"
        for cell in code_cells(notebook)
        for output in cell.outputs
        if (kind := output.get("name", output.output_type)) in bad
    ]


def no_images(notebook):
    return [
        f"cell {cell.execution_count} stores {mime}: run `python -m lib.notebooks`"
        for cell in code_cells(notebook)
        for output in cell.outputs
        for mime in output.get("data", {})
        if mime.startswith(("image/", "application/pdf", "application/vnd.jupyter.widget"))
    ]


def normal_form(notebook):
    return [] if notebook == normalise(notebook) else ["not in normal form: run `python -m lib.notebooks`"]


def short_cells(notebook):
    return [
        f"cell {cell.execution_count} has {lines} lines, 15 are allowed"
        for cell in code_cells(notebook)
        if (lines := sum(bool(line.strip()) for line in cell.source.splitlines())) > 15
    ]


def short_functions(notebook):
    return [
        f"function {node.name} has {lines} lines, 10 are allowed"
        for cell in code_cells(notebook)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.FunctionDef) and (lines := node.end_lineno - node.lineno + 1) > 10
    ]


def alt_text(notebook):
    picture = re.compile(r"<(Figure|IPython\.core\.display\.(Image|SVG))")
    return [
        f"cell {cell.execution_count} makes a picture without metadata.mystnb.image.alt"
        for cell in code_cells(notebook)
        if any(picture.match(output.get("data", {}).get("text/plain", "")) for output in cell.outputs)
        and not cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip()
    ]


def interactive_tagged(notebook):
    figure = re.compile(r"(explore|stream|plane|race)\(")
    return [
        f"cell {cell.execution_count} makes an interactive figure without the tag nbval-ignore-output"
        for cell in code_cells(notebook)
        if any(figure.match(output.get("data", {}).get("text/plain", "")) for output in cell.outputs)
        and "nbval-ignore-output" not in cell.metadata.get("tags", [])
    ]


def enough_prose(notebook):
    words, cells = len(prose(notebook).split()), len(code_cells(notebook))
    return [] if words >= 45 * cells else [f"{words} words for {cells} code cells, 45 a cell are needed"]


def claims_checked(notebook):
    """Each statement has one check, in a cell after it, which printed its line; each check has a statement."""
    stated, checked = statements(notebook), checks(notebook)
    places = {statement.label: statement.cell for statement in stated}
    labels, called = [statement.label for statement in stated], [check.label for check in checked]
    found = len(re.findall(rf"\{{prf:(?:{'|'.join(KINDS)})\}}", prose(notebook)))
    unread = found - sum(bool(label) for label in labels)
    problems = [f"{unread} statements have no label, or are not closed"] if unread else []
    problems += [f"{label} is stated {labels.count(label)} times" for label in {*labels} if labels.count(label) > 1]
    problems += [f"{label} is checked {called.count(label)} times" for label in {*called} if called.count(label) > 1]
    problems += [f"{label} is stated but not checked" for label in sorted({*labels} - {*called, ""})]
    problems += [f"{label} is checked but not stated" for label in sorted({*called} - {*labels})]
    problems += [f"{check.label} is checked before it is stated" for check in checked
                 if check.cell < places.get(check.label, 0)]  # fmt: skip
    return problems + [f"{check.label} has no line ✓ in its output" for check in checked if not check.known]


def claims_strong(notebook):
    """No form of a claim is used for what another can say better, or so that it says nothing."""
    nodes = (node for cell in code_cells(notebook) for node in ast.walk(ast.parse(cell.source)))
    return [f"{ast.unparse(call)} {problem}" for call in nodes for problem in weaknesses(call)]


def weaknesses(call):
    form, parts = name_of(call), [*ast.walk(call)]
    if form in ("identity", "equal", "at_most", "at_least", "ordered"):
        different = {ast.dump(argument) for argument in call.args}
        return ["compares something with itself"] if len(different) < len(call.args) else []
    if form not in ("holds", "always"):
        return []
    given = [*call.args, *(part for argument in call.args for part in getattr(argument, "elts", ()))]
    signs = ast.Lt, ast.LtE, ast.Gt, ast.GtE
    inequalities = [part for part in parts if isinstance(part, ast.Compare) and isinstance(part.ops[-1], signs)]
    sides = [getattr(side, "operand", side) for part in inequalities for side in (part.left, *part.comparators)]
    constants = [side.value for side in sides if isinstance(side, ast.Constant)]
    movable = (float,) if form == "always" else (float, int)  # of finitely many cases the whole numbers may be exact
    found = {
        "has a number in it: at_most, at_least or ordered": any(type(n) in movable and n for n in constants),
        "asks for about equal: use equal with a tolerance": any(name_of(n) in ("allclose", "isclose") for n in parts),
        "is so whatever happens": any(isinstance(argument, ast.Constant) for argument in given),
    }
    return [problem for problem, there in found.items() if there]


def foreign_labels(notebook, chapter):
    labels = [statement.label for statement in statements(notebook)]
    return [f"{label} does not begin with {chapter}-" for label in labels if not label.startswith(f"{chapter}-")]


def name_of(node):
    """The name of a called function without its module; empty for what is no call."""
    function = getattr(node, "func", None)
    return getattr(function, "id", getattr(function, "attr", ""))


# Rules for chapters.


def sections_in_order(notebook, needed=SECTIONS):
    found = [title for title in re.findall(r"^## (.+?) *$", prose(notebook), re.M) if title in SECTIONS]
    missing = [f"section {title!r} is missing" for title in needed if title not in found]
    ordered = found == sorted(found, key=SECTIONS.index) and len(found) == len({*found})
    return missing if ordered else [*missing, f"sections are in the order {found}"]


def exercises_solved(notebook):
    exercises = re.findall(r"\{exercise(?:-start)?\}[^\n]*\n:label: *(\S+)", prose(notebook))
    solved = re.findall(r"\{solution(?:-start)?\} *(\S+)", prose(notebook))
    problems = [] if len(exercises) == 5 else [f"{len(exercises)} exercises, five are needed"]
    return problems + [f"exercise {label} has no solution" for label in exercises if label not in solved]


def own_rule(notebook):
    found = re.search(r"\{exercise(?:-start)?\}[^\n]*your own rule", prose(notebook), re.I)
    return [] if found else ["no exercise is called 'Write your own rule'"]


EVERYWHERE = (normal_form, no_errors, no_images, short_cells, short_functions, alt_text, interactive_tagged)
IN_THE_BOOK = (executed_in_order, enough_prose, claims_checked, claims_strong)


def problems(path):
    """Everything that is wrong with a committed notebook."""
    notebook = nbformat.read(path, as_version=4)
    rules = [*EVERYWHERE, *(IN_THE_BOOK if name(path).startswith("book/") else ())]
    found = [problem for rule in rules for problem in rule(notebook)]
    found += foreign_labels(notebook, path.stem)
    if name(path) in CHAPTERS:
        about_a_rule = path.stem in RULES
        needed = [title for title in SECTIONS if about_a_rule or title != "The rule"]
        found += sections_in_order(notebook, needed) + exercises_solved(notebook)
        found += own_rule(notebook) if about_a_rule else []
    return found


@pytest.mark.parametrize("path", all_notebooks(), ids=name)
def test_house_rules(path):
    assert problems(path) == []


@pytest.mark.parametrize("path", all_notebooks(), ids=name)
def test_a_notebooks_file_is_as_lib_notebooks_writes_it(path):
    assert path.read_text(encoding="utf-8") == written(nbformat.read(path, as_version=4))


def test_the_table_of_contents_lists_every_file_once():
    chapters = [chapter for part in TOC["parts"] for chapter in part["chapters"]]
    listed = [TOC["root"], *(page["file"] for chapter in chapters for page in (chapter, *chapter.get("sections", [])))]
    files = [name(path) for path in (ROOT / "book").rglob("*") if path.suffix in (".md", ".ipynb")]
    assert sorted(listed) == sorted(file for file in files if ".ipynb_checkpoints" not in file)


# The rules themselves, on made-up notebooks.


def text(data, kind="display_data", **more):
    return new_output(kind, data={"text/plain": data}, **more)


def notebook(*cells):
    """A notebook in normal form; a string is a markdown cell, a pair is a code cell: source and outputs."""
    made, count = [], 0
    for cell in cells:
        if isinstance(cell, str):
            made.append(new_markdown_cell(cell))
        else:
            count += 1
            made.append(new_code_cell(cell[0], outputs=list(cell[1:]), execution_count=count))
    return normalise(new_notebook(cells=made))


GOOD = notebook(
    "word " * 200,
    ("x = 1",),
    ("print(x)", new_output("stream", name="stdout", text="1\n")),
    ":::{prf:theorem} One\n:label: one\n\n$x = 1$\n:::",
    ('claim("one", equal(x, 1))', new_output("stream", name="stdout", text="✓ one: measured\n")),
    *(f"## {title}" for title in SECTIONS[:-1]),
    *(f"```{{exercise}} Write your own rule\n:label: e{i}\n\nDo.\n```" for i in range(5)),
    *(f"```{{solution}} e{i}\n\nDone.\n```" for i in range(4)),
    "```{solution-start} e4\n:class: dropdown\n```",
    "## Further reading",
)


@pytest.mark.parametrize(
    "rule", [*EVERYWHERE, *IN_THE_BOOK, sections_in_order, exercises_solved, own_rule], ids=lambda rule: rule.__name__
)
def test_a_good_notebook_breaks_no_rule(rule):
    assert rule(GOOD) == []


def without_id(bad):
    del bad.cells[0]["id"]
    return bad


def with_count(bad, count):
    bad.cells[0].execution_count = count
    return bad


def with_metadata(bad, **metadata):
    bad.cells[0].metadata.update(metadata)
    return bad


def with_output(bad, output):
    bad.cells[0].outputs.append(output)
    return bad


IMAGE = new_output("display_data", data={"text/plain": "<Figure>", "image/png": "AAAA"})
WIDGET = new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "1f"}})
ERROR = new_output("error", ename="ValueError", evalue="no", traceback=[])
THEOREM = ":::{prf:lemma}\n:label: two\n\nIt is.\n:::"
TWO = ('claim("two", holds(x))', new_output("stream", name="stdout", text="✓ two: measured\n"))

BAD = {
    "never executed": (executed_in_order, with_count(notebook(("1",)), None), "[None]"),
    "executed twice": (executed_in_order, with_count(notebook(("1",)), 2), "[2]"),
    "an error": (no_errors, notebook(("1/0", ERROR)), "error"),
    "a warning": (no_errors, notebook(("w()", new_output("stream", name="stderr", text="careful"))), "stderr"),
    "an image": (no_images, with_output(notebook(("1",)), IMAGE), "image/png"),
    "a widget": (no_images, with_output(notebook(("1",)), WIDGET), "widget-view"),
    "an image is not normal": (normal_form, with_output(notebook(("1",)), IMAGE), "normal form"),
    "a time": (normal_form, with_metadata(notebook(("1",)), execution={"iopub.status.busy": "now"}), "normal form"),
    "no cell id": (normal_form, without_id(notebook(("1",))), "normal form"),
    "16 lines": (short_cells, notebook(("x = 1\n\n" * 16,)), "16 lines"),
    "11 lines": (short_functions, notebook(("def f():\n" + "    x = 1\n" * 10,)), "function f has 11"),
    "no alt text": (alt_text, notebook(("plt.show()", text("<Figure size 640x480 with 1 Axes>"))), "alt"),
    "empty alt text": (
        alt_text,
        with_metadata(notebook(("plt.show()", text("<Figure size 640x480>"))), mystnb={"image": {"alt": " "}}),
        "alt",
    ),
    "no alt text of a result": (
        alt_text,
        notebook(("Image()", text("<IPython.core.display.Image object>", "execute_result", execution_count=1))),
        "alt",
    ),
    "no tag": (interactive_tagged, notebook(("explore(sgd)", text("explore(sgd): SGD …"))), "nbval-ignore-output"),
    "another tag": (
        interactive_tagged,
        with_metadata(notebook(("plane(adam)", text("plane(adam): Adam …"))), tags=["hide-input"]),
        "nbval-ignore-output",
    ),
    "little prose": (enough_prose, notebook("word " * 89, ("1",), ("2",)), "89 words"),
    "not checked": (claims_checked, notebook(THEOREM, ("claim",)), "two is stated but not checked"),
    "checked in prose only": (claims_checked, notebook(THEOREM + '\n\nclaim("two", True)'), "not checked"),
    "not stated": (claims_checked, notebook(TWO), "two is checked but not stated"),
    "stated in another kind": (claims_checked, notebook(THEOREM.replace("lemma", "remark"), TWO), "not stated"),
    "stated twice": (claims_checked, notebook(THEOREM, THEOREM, TWO), "stated 2 times"),
    "checked twice": (claims_checked, notebook(THEOREM, TWO, TWO), "checked 2 times"),
    "checked too early": (claims_checked, notebook(TWO, THEOREM), "two is checked before it is stated"),
    "checked in silence": (claims_checked, notebook(THEOREM, TWO[:1]), "two has no line"),
    "another line": (
        claims_checked,
        notebook(THEOREM, (TWO[0], new_output("stream", name="stdout", text="✓ one: proved\n"))),
        "two has no line",
    ),
    "no label": (claims_checked, notebook(":::{prf:theorem} A name\n\n$x$\n:::"), "1 statements have no label"),
    "not closed": (claims_checked, notebook(THEOREM[:-3], TWO), "or are not closed"),
    "the same on both sides": (claims_strong, notebook(("identity(floor, floor)",)), "compares something with itself"),
    "a bound that is the value": (claims_strong, notebook(("at_most(f(x), f(x))",)), "compares something with itself"),
    "a number in holds": (claims_strong, notebook(("holds(np.all(loss < 3))",)), "has a number in it"),
    "a number below": (claims_strong, notebook(("holds(-3 <= loss)",)), "has a number in it"),
    "a decimal number in always": (claims_strong, notebook(("always(a <= 0.5 for a in b)",)), "has a number in it"),
    "about equal": (claims_strong, notebook(("holds(np.allclose(a, b))",)), "about equal"),
    "true whatever happens": (claims_strong, notebook(("always([True])",)), "whatever happens"),
    "a section missing": (sections_in_order, notebook(*(f"## {title}" for title in SECTIONS[1:])), "What you will"),
    "sections swapped": (sections_in_order, notebook(*(f"## {title}" for title in SECTIONS[::-1])), "in the order"),
    "no exercises": (exercises_solved, notebook("## Exercises"), "0 exercises"),
    "no solution": (exercises_solved, notebook("```{exercise} Hard\n:label: hard\n```"), "hard has no solution"),
    "nothing of your own": (own_rule, notebook("```{exercise} Hard\n:label: hard\n```"), "your own rule"),
}


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.replace(" ", "-"))
def test_a_bad_notebook_is_found_out(case):
    rule, bad, expected = BAD[case]
    assert expected in "; ".join(rule(bad))


def test_a_label_without_its_chapters_name_is_found_out():
    stated = notebook(THEOREM.replace("two", "adam-two"))
    assert foreign_labels(stated, "adam") == []
    assert foreign_labels(stated, "adamw") == ["adam-two does not begin with adamw-"]


@pytest.mark.parametrize(
    "cell",
    ["holds(f(1) < 0)", "holds(a == 3)", "always(k**2 >= 3 * k for k in range(3, 9))", "always([found is False, not b])",
     "equal(f(1), f(2))", "holds(sp.Gt(a, 3))"],
)  # fmt: skip
def test_what_no_other_form_says_better_is_left_alone(cell):
    assert claims_strong(notebook((cell,))) == []


# Normal form.


def test_normalise_is_idempotent_and_leaves_its_argument_alone():
    given = with_output(notebook(("1",), ("1",)), IMAGE)
    before = written(given)
    once = normalise(given)
    assert written(given) == before
    assert written(normalise(once)) == written(once)


def test_normalise_keeps_text_and_drops_pictures():
    (output,) = normalise(with_output(notebook(("1",)), IMAGE)).cells[0].outputs
    assert output.data == {"text/plain": "<Figure>"}


def test_normalise_keeps_the_words_of_an_interactive_figure_and_other_html():
    html = '<div class="downhill" id="a"><script>…</script></div>'
    figure = new_output("display_data", data={"text/plain": "explore(sgd): SGD …", "text/html": html})
    table = new_output("display_data", data={"text/plain": "1", "text/html": "<table></table>"})
    shown, kept = notebook(("explore(sgd)", figure, table)).cells[0].outputs
    assert shown.data == {"text/plain": "explore(sgd): SGD …"}
    assert kept.data == {"text/plain": "1", "text/html": "<table></table>"}


def test_an_interactive_figure_needs_its_tag_and_no_alt_text_of_ours():
    made = with_metadata(notebook(("explore(sgd)", text("explore(sgd): SGD …"))), tags=["nbval-ignore-output"])
    assert interactive_tagged(made) == alt_text(made) == []


def test_normalise_gives_cells_of_the_same_text_different_ids():
    given = notebook(("1",), ("1",))
    for cell in given.cells:
        del cell["id"]
    first, second = normalise(given).cells
    assert first.id != second.id
    assert normalise(given).cells[0].id == first.id


def test_normalise_joins_what_was_printed_in_pieces():
    pieces = [new_output("stream", name="stdout", text=piece) for piece in ("a\n", "b\n")]
    (output,) = notebook(("1", *pieces)).cells[0].outputs
    assert output.text == "a\nb\n"


def nbval(path):
    """The exit code of nbval, strict, on one notebook."""
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", str(path)]
    return subprocess.run(command, capture_output=True, cwd=path.parent, timeout=120).returncode


def test_nbval_accepts_a_stripped_picture_and_finds_a_number_that_changed(tmp_path):
    path = tmp_path / "a.ipynb"
    cells = ["import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()", "print(6 * 7)"]
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), path)
    assert run(path).returncode == 0
    assert "image/png" not in path.read_text(encoding="utf-8")
    assert nbval(path) == 0
    path.write_text(path.read_text(encoding="utf-8").replace("42", "43"), encoding="utf-8")
    assert nbval(path) == 1


def run(path):
    """What `python -m lib.notebooks` does with a file, in a process of its own as nbclient leaves sockets open."""
    command = [sys.executable, "-m", "lib.notebooks", str(path)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT, timeout=120)


def test_a_notebook_is_executed_and_written_in_normal_form(tmp_path):
    path = tmp_path / "a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("print(6 * 7)")]), path)
    assert run(path).returncode == 0
    ran = nbformat.read(path, as_version=4)
    assert ran.cells[0].outputs[0].text == "42\n"
    assert executed_in_order(ran) == normal_form(ran) == []


CLAIMS = {
    "a claim that holds": ("equal(0.251, 0.25, within=0.005)", 0, "done"),
    "a claim that does not": ("equal(0.26, 0.25, within=0.005)", 1, "ClaimFailed: one, check 1 of 1, does not hold"),
    "a claim that is too weak": ("equal(0.252, 0.25, within=0.009)", 1, "ClaimTooWeak: one, check 1 of 1, would also"),
    "a claim of nothing": ("always(n > 0 for n in [])", 1, "there is no case"),
}


@pytest.mark.parametrize("case", CLAIMS, ids=lambda case: case.replace(" ", "-"))
def test_a_chapter_with_a_wrong_or_weak_claim_is_not_written(tmp_path, case):
    """From end to end: the cell of a claim that proves too little stops the chapter."""
    check, code, words = CLAIMS[case]
    path = tmp_path / "a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(f'from lib.claims import *\nclaim("one", {check})')]), path)
    before = path.read_bytes()
    result = run(path)
    assert (result.returncode, path.read_bytes() == before) == (code, bool(code))
    assert words in re.sub(r"\x1b\[\d*m", "", result.stdout)


def test_a_notebook_that_fails_is_reported_and_keeps_its_content(tmp_path):
    path = tmp_path / "a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), path)
    before = path.read_bytes()
    result = run(path)
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stdout
    assert path.read_bytes() == before

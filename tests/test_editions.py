"""The editions: chapters as plain notebooks. What they say is compared with the pages of the book."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import anywhere
import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import command
from docutils import nodes
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbclient import NotebookClient
from pages import CHAPTERS, ROOT, SITE, soup
from test_rot import clone, run, script  # noqa: F401

from lib import editions as making
from lib import fork, install, plain, publish
from lib.notebooks import normalise

MADE = ROOT / "_build" / "editions" / "book"
NAMES = [name.removeprefix("book/") for name in CHAPTERS if (ROOT / f"{name}.ipynb").exists()]
LARGEST = 1_500_000
PUBLISHED = fork.site(fork.repository()[0])
LEFT = re.compile(r":::|```|\{(?:eq|ref|doc|numref|cite|prf|math|term|py)[:\w]*\}|\$|\*\*|\]\(|\\[a-z]|^#+ ", re.M)


@pytest.fixture(scope="module")
def edition(site, once):
    """A function that gives the edition of a chapter, by its name."""
    build = ("jupyter-book", "build", "-W", "-n", "--keep-going", "--builder=custom", "--custom-builder=editions", ".")
    once("editions", lambda: command(*build))
    return cache(lambda name: nbformat.read(MADE / f"{name}.ipynb", as_version=4))


def page(name):
    """The page of a chapter, parsed."""
    return soup(SITE / "book" / f"{name}.html")


@cache
def rendered(source):
    """Markdown as Jupyter shows it, parsed; an equation is a ``code`` of the class ``math``."""

    def math(text, options):
        return f"<code class='math'>{text.replace('&', '&amp;').replace('<', '&lt;')}</code>"

    markdown = MarkdownIt("commonmark", {"html": True}).enable("table").use(dollarmath_plugin, renderer=math)
    return BeautifulSoup(markdown.render(source), "html.parser")


def texts(notebook):
    """The Markdown cells of a notebook, rendered."""
    return [rendered(cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]


# What an edition says.


def test_each_notebook_of_the_book_has_an_edition_and_nothing_else_has(edition):
    assert {path.name for path in MADE.iterdir()} == {f"{name}.ipynb" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_an_edition_is_a_valid_small_notebook(edition, name):
    nbformat.validate(edition(name))
    ids = [cell.id for cell in edition(name).cells]
    assert len({*ids}) == len(ids)
    assert edition(name).metadata.kernelspec.name == "python3"
    assert (MADE / f"{name}.ipynb").stat().st_size < LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_no_markup_is_left_that_a_plain_notebook_would_show(edition, name):
    assert left(texts(edition(name))) == []


def left(cells):
    """The pieces of markup that a reader of rendered cells would see."""
    found = []
    for cell in cells:
        text = BeautifulSoup(str(cell), "html.parser")
        for part in text.select("code"):
            part.decompose()
        found += [text.get_text()[max(0, hit.start() - 30) : hit.end() + 30] for hit in LEFT.finditer(text.get_text())]
    return found


@pytest.mark.parametrize(
    "source", ["see {ref}`there`", ":::{note}\nx\n:::", "costs $x", "**not bold **", "\\alpha", "[a](b c)", "####### x"]
)
def test_markup_that_is_left_is_found(source):
    assert left([rendered(source)])


@pytest.mark.parametrize("name", NAMES)
def test_equations_theorems_figures_and_exercises_have_the_numbers_of_the_page(edition, name):
    source = "\n".join(cell.source for cell in edition(name).cells if cell.cell_type == "markdown")
    assert re.findall(r"\\tag\{(\d+)\}", source) == [
        re.search(r"\d+", number.text)[0] for number in page(name).select("span.eqno")
    ]
    numbered = [number.get_text().strip() for number in page(name).select(".caption-number")]
    kinds = "|".join(sorted({number.rpartition(" ")[0] for number in numbered})) or "-"
    bold = [strong.get_text() for text in texts(edition(name)) for strong in text.select("strong, h2, h3, h4, h5")]
    found = filter(None, map(re.compile(rf"({kinds})\.? \d+(?!\.?\d)").match, bold))
    assert [title[0] for title in found] == numbered


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_the_page_says_is_missing(edition, name):
    said = letters(" ".join(text.get_text() for text in texts(edition(name))))
    article = page(name).select_one("article")
    outputs = ".cell_input, summary, .cell_output > :not(figure), .downhill"
    other = article.select(f".math, .toctree-wrapper, .headerlink, .visually-hidden, {outputs}")
    hidden = {id(text) for part in other for text in part.find_all(string=True)}
    pieces = [letters(text) for text in article.find_all(string=True) if id(text) not in hidden]
    assert len(pieces) > 20
    assert [piece for piece in pieces if piece not in said] == []


def letters(text):
    """The letters and digits of a text, one after the other."""
    return re.sub(r"\W+", "", text)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(edition, name):
    broken = [link for link in links(texts(edition(name))) if not leads(edition, name, link)]
    assert broken == []


def links(cells):
    """The addresses to which rendered cells link."""
    return [link["href"] for cell in cells for link in cell.select("a[href]")]


def leads(edition, name, link):
    """Whether a link of an edition leads somewhere that this machine can know of."""
    target, _, anchor = link.partition("#")
    if target.startswith(PUBLISHED):
        file = SITE / target.removeprefix(PUBLISHED)
        return file.exists() and (not anchor or anchor in page_ids(file))
    if re.match(r"https?://", target):
        return True
    other = target.removesuffix(".ipynb") if target else name
    return other in NAMES and (not anchor or anchor in edition_ids(edition, other))


@cache
def page_ids(file):
    return {part["id"] for part in soup(file).select("[id]")}


@cache
def edition_ids(edition, name):
    return {part["id"] for cell in texts(edition(name)) for part in cell.select("[id]")}


@pytest.mark.parametrize("name", NAMES)
def test_the_last_cell_leads_to_the_next_page(edition, name):
    following = CHAPTERS[CHAPTERS.index(f"book/{name}") + 1].removeprefix("book/")
    expected = f"{following}.ipynb" if following in NAMES else f"{PUBLISHED}book/{following}.html"
    assert links(texts(edition(name))[-1:]) == [expected]


@pytest.mark.parametrize(
    "link", ["#nothing", "sgd.html", "sgd.ipynb#nothing", f"{PUBLISHED}book/none.html", "other.ipynb"]
)
def test_a_link_that_leads_nowhere_is_found(edition, link):
    assert not leads(edition, "adam", link)


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_has_an_alternative_text(edition, name):
    for cell in edition(name).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"].get("alt", "")) > 20
    assert all(image.get("alt") for text in texts(edition(name)) for image in text.select("img"))


@pytest.mark.parametrize("name", NAMES)
def test_a_drawn_figure_is_followed_by_its_caption_and_its_description(edition, name):
    cells = edition(name).cells
    source = {cell.id: cell for cell in nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4).cells}
    for cell, following in zip(cells, cells[1:]):
        about = source[cell.id].metadata.get("mystnb", {}) if cell.id in source else {}
        if "figure" in about:
            text = rendered(following.source)
            assert text.select_one("p").get_text().startswith("Fig. ")
            assert letters(about["image"]["alt"]) in letters(text.select_one("details").get_text())


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_is_followed_by_its_solution_alone(edition, name):
    shown = [cell for cell in edition(name).cells if cell.cell_type == "code" or cell.source.startswith("#")]
    inside, found = False, []
    for cell in shown:
        if cell.cell_type == "markdown":
            inside = rendered(cell.source).find(re.compile("^h")).get_text() == "Solution"
            assert inside == bool(cell.metadata.get("jp-MarkdownHeadingCollapsed"))
            found += [0] if inside else []
        elif inside:
            found[-1] += 1
    assert found == [len(solution.select("div.cell")) for solution in page(name).select("div.solution")]
    folded = [cell.id for cell in shown if cell.metadata.get("jp-MarkdownHeadingCollapsed")]
    assert edition(name).metadata.colab.collapsed_sections == folded


@pytest.mark.parametrize("name", NAMES)
def test_code_and_outputs_are_those_of_the_book(edition, name):
    source = nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)
    stored = [cell for cell in source.cells if cell.cell_type == "code"]
    first, *cells = [cell for cell in normalise(edition(name)).cells if cell.cell_type == "code"]
    assert [(cell.id, cell.source) for cell in cells] == [(cell.id, cell.source) for cell in stored]
    assert [kinds(cell) for cell in cells] == [kinds(cell) for cell in stored]
    printed = [output.text.split() for cell in cells for output in cell.outputs if "text" in output]
    assert printed == [output.text.split() for output in page(name).select(".cell_output .output.stream pre")]


def kinds(cell):
    """Of which kinds the outputs of a cell are."""
    return [sorted(output.get("data", {"text": ""})) for output in cell.outputs]


@pytest.mark.parametrize("name", NAMES)
def test_what_only_the_page_can_show_is_a_picture(edition, name):
    shown = [output.get("data", {}) for cell in edition(name).cells for output in cell.get("outputs", [])]
    assert not {"text/html", "application/vnd.jupyter.widget-view+json"} & {kind for data in shown for kind in data}
    drawn = page(name).select(".cell_output img:not(noscript img), .cell_output .downhill")
    assert sum("image/png" in data for data in shown) == len(drawn)


# Where the editions are found.


@pytest.mark.parametrize("name", NAMES)
def test_the_download_button_gives_the_edition(edition, name):
    (link,) = {link["href"] for link in page(name).select("a[href*='_sources/']")}
    given = (SITE / "book" / f"{name}.html").parent.joinpath(link).resolve()
    assert given.read_bytes() == (MADE / f"{name}.ipynb").read_bytes()


@pytest.mark.parametrize("name", [name.removeprefix("book/") for name in CHAPTERS])
def test_the_launch_buttons_open_the_edition_and_pages_without_one_have_none(site, name):
    found = {link["href"] for link in page(name).select("a[href*='mybinder'], a[href*='colab.research']")}
    where = fork.repository()[0].removeprefix("https://github.com/")
    expected = {
        f"https://mybinder.org/v2/gh/{where}/editions?urlpath=lab/tree/book/{name}.ipynb",
        f"https://colab.research.google.com/github/{where}/blob/editions/book/{name}.ipynb",
    }
    assert found == (expected if name in NAMES else set())


def config(url, branch="main", baseurl=""):
    options = {"repository_url": url, "repository_branch": branch}
    return SimpleNamespace(html_theme_options=options, html_baseurl=baseurl)


@pytest.mark.parametrize(
    ("url", "branch", "site"),
    [
        ("https://github.com/Ada/steps", "editions", "https://ada.github.io/steps/"),
        ("https://gitlab.com/maths/optim/steps", "main", "https://maths.gitlab.io/optim/steps/"),
    ],
)
def test_a_fork_has_its_own_branch_and_pages(url, branch, site):
    assert making.branch(config(url)) == branch
    assert making.site_address(config(url)) == site
    assert making.site_address(config(url, baseurl="https://steps.example.org")) == "https://steps.example.org/"
    assert f"git+{url}@{branch}" in making.setup_cell(config(url)).source


def test_what_the_chapters_import_comes_with_the_library():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=]", each)[0] for each in project["dependencies"]}
    declared |= {re.split(r"[<>=]", each)[0] for each in project["optional-dependencies"]["chapters"]}
    assert imported() <= declared | {"lib", "IPython"} | sys.stdlib_module_names


def imported():
    """The packages that the chapters import."""
    found = set()
    for name in NAMES:
        for cell in nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4).cells:
            if cell.cell_type == "code":
                parsed = [*ast.walk(ast.parse(cell.source))]
                found |= {alias.name for node in parsed if isinstance(node, ast.Import) for alias in node.names}
                found |= {node.module for node in parsed if isinstance(node, ast.ImportFrom)}
    return {module.partition(".")[0] for module in found}


# What the first cell does.


@pytest.mark.parametrize("name", NAMES)
def test_the_first_code_cell_gets_the_library(edition, name):
    first, *others = [cell for cell in edition(name).cells if cell.cell_type == "code"]
    assert (first.id, first.metadata.tags, first.outputs) == (making.SETUP, [making.SETUP], [])
    assert first.source == install.cell("lib", fork.repository()[0], install.EDITIONS)
    assert not any("%pip" in cell.source for cell in others)


def test_where_the_library_is_the_first_cell_does_nothing(edition):
    notebook = edition("index")
    assert "lib" in sys.modules
    done = NotebookClient(nbformat.from_dict(notebook), timeout=120, kernel_name="python3").execute(cwd=str(MADE))
    first = next(cell for cell in done.cells if cell.cell_type == "code")
    assert first.outputs == []


COLAB = sys.platform == "linux" and sys.version_info[:2] == (3, 11)


@pytest.mark.skipif(not COLAB, reason="the list of Colab's packages is for Linux and Python 3.11")
@pytest.mark.skipif("EVERY_EDITION" not in os.environ, reason="takes minutes: set EVERY_EDITION; the workflow runs them all")
def test_every_edition_runs_with_the_packages_of_colab(edition):
    paths = [MADE / f"{name}.ipynb" for name in NAMES]
    assert anywhere.problems(paths, anywhere.FREEZE.read_text(encoding="utf-8"), say=lambda _: None) == []


def test_a_notebook_that_names_no_repository_is_not_run():
    cells = [nbformat.v4.new_code_cell("import lib")]
    with pytest.raises(ValueError, match="names 0 repositories"):
        anywhere.from_here(nbformat.v4.new_notebook(cells=cells), "http://127.0.0.1/x.whl")


def test_only_known_releases_are_taken_from_a_list():
    text = "# numpy==1\nnumpy==2.0.2\ntorch @ https://x/torch-2.whl\nJupyter_Client==7.4.9\npandas==2\n"
    assert anywhere.pins(text, ["numpy", "jupyter-client"]) == ["numpy==2.0.2", "Jupyter_Client==7.4.9"]


# The branch, and what Binder makes of it.


@pytest.fixture(scope="module")
def branch(edition, tmp_path_factory):
    return publish.publish(tmp_path_factory.mktemp("branch") / install.EDITIONS)


def test_the_branch_holds_what_the_editions_need_and_the_exact_releases(branch):
    assert {"book", "lib", "pyproject.toml", "requirements.txt", "constraints.txt", "runtime.txt", "README.md"} <= {
        path.name for path in branch.iterdir()
    }
    assert {path.stem for path in (branch / "book").glob("*.ipynb")} == {*NAMES}
    *pins, last, _ = (branch / "requirements.txt").read_text(encoding="utf-8").split("\n")
    assert (pins[0], last) == ("-c constraints.txt", ".")
    assert "autograd" in {pin.partition("==")[0] for pin in pins}
    assert {*pins[1:]} < {*(ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()}
    assert not [*branch.rglob("__pycache__")]


def test_a_folder_that_holds_something_is_not_overwritten(edition, branch, capsys):
    assert publish.main([str(branch)]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert publish.main([]) == 2


def test_the_branch_can_be_built_as_a_package(branch, tmp_path):
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(branch)]
    subprocess.run(pip, check=True, capture_output=True)
    assert [*tmp_path.glob("downhill-*.whl")]


@pytest.mark.skipif(sys.platform == "win32", reason="repo2docker does not run on Windows")
@pytest.mark.parametrize("what", ["branch", "book"])
def test_binder_takes_the_right_python_and_installs_the_requirements(branch, what):
    folder = branch if what == "branch" else ROOT
    version = (ROOT / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")
    docker = subprocess.run(
        [Path(sys.executable).with_name("jupyter-repo2docker"), "--no-build", "--debug", "--user-id=1000",
         "--user-name=jovyan", str(folder)],
        capture_output=True, encoding="utf-8", check=True, timeout=120,
    )  # fmt: skip
    steps = docker.stdout + docker.stderr
    named = re.sub(r"-([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), steps)
    assert re.search(rf"/environment\.py-{re.escape(version)}-\S+\.lock", named)
    copied = steps.index(" src/ ${REPO_DIR}/")
    assert copied < steps.index('pip install --no-cache-dir -r "requirements.txt"')
    assert not (folder / "environment.yml").exists()


def test_the_workflow_publishes_what_ran_as_colab_and_binder_run_it():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "editions.yml").read_text(encoding="utf-8"))
    jobs = workflow["jobs"]
    assert {*jobs["publish"]["needs"]} == {"colab", "binder"}
    assert jobs["colab"]["needs"] == jobs["binder"]["needs"] == "make"
    assert f"refs/heads/{install.EDITIONS}" in jobs["publish"]["steps"][-1]["run"]


def test_the_workflow_puts_the_editions_alone_on_their_branch_and_only_when_they_changed(branch, clone):
    publishing = script("editions.yml", "publish", "orphan")
    leave = "\ngit switch --quiet --force main; git branch --quiet -D editions 2> /dev/null || true"
    heads = []
    for change in (False, False, True):
        if change:
            (branch / "README.md").write_text("changed", encoding="utf-8")
        run(f"( {publishing} )", clone, RUNNER_TEMP=str(branch.parent), GITHUB_SHA="0123abc")
        run(leave, clone)
        heads.append(run("git rev-parse origin/editions", clone))
    assert heads[0] == heads[1] != heads[2]
    published = {*run("git ls-tree -r --name-only origin/editions", clone).split()}
    assert {"book/adam.ipynb", "lib/rules.py", "requirements.txt", "runtime.txt"} < published
    assert run("git rev-list --count origin/editions", clone).strip() == "1"
    assert (clone / "README.md").read_text(encoding="utf-8") == "A book."


# Markdown from nodes.


def written(*children, numbers=None):
    unknown = []
    document = SimpleNamespace(children=children)
    (part,) = plain.Page(numbers or {}, {"figure": "Fig. %s"}, unknown.append).parts(document)
    return part.markdown, unknown


def paragraph(*children):
    return nodes.paragraph("", "", *(nodes.Text(each) if isinstance(each, str) else each for each in children))


@pytest.mark.parametrize(
    "text",
    ["a_b_c", "2 * 3 * 4", "[x](y)", "<b>", "`x`", "$5 and $6", "# no", "1. no", "- no", "a\\b", "~~a~~"],
)  # fmt: skip
def test_text_is_shown_as_it_is(text):
    markdown, _ = written(paragraph(text))
    assert rendered(markdown).get_text().strip() == text


def test_lists_nest():
    inner = nodes.enumerated_list("", nodes.list_item("", paragraph("b")), nodes.list_item("", paragraph("c")))
    outer = nodes.bullet_list("", nodes.list_item("", paragraph("a"), inner), nodes.list_item("", paragraph("d")))
    html = rendered(written(outer)[0])
    assert [item.get_text().split() for item in html.select("body > ul > li, ul > li")] == [["a", "b", "c"], ["d"]]
    assert len(html.select("ul > li ol > li")) == 2


def test_an_equation_in_a_list_or_a_quotation_stays_whole():
    equation = nodes.math_block("", "a\n= b", number=None)
    in_list = nodes.bullet_list("", nodes.list_item("", paragraph("x"), equation.deepcopy()))
    for around in (nodes.block_quote("", equation), in_list):
        (found,) = rendered(written(around)[0]).select("code.math")
        assert found.get_text().split() == ["a", "=", "b"]


def test_bars_do_not_end_the_cell_of_a_table():
    cells = [nodes.entry("", paragraph(*each)) for each in ([nodes.math("", r"|x| + \|y\|")], ["a|b"])]
    table = nodes.table("", nodes.tgroup("", nodes.thead("", nodes.row("", *cells)), nodes.tbody(), cols=2))
    html = rendered(written(table)[0])
    assert [cell.get_text() for cell in html.select("th")] == [r"\vert x\vert + \Vert y\Vert", "a|b"]


def test_what_only_katex_knows_is_left_out():
    assert plain.latex(r"\htmlClass{g}{g_t} + \htmlId{a}{b}") == "{g_t} + {b}"


def test_a_definition_and_a_footnote_are_written():
    term = nodes.definition_list_item("", nodes.term("", "loss"), nodes.definition("", paragraph("what falls")))
    note = nodes.footnote("", nodes.label("", "1"), paragraph("below"), ids=["note"])
    call = nodes.footnote_reference("", "1", refid="note")
    html = rendered(written(nodes.definition_list("", term), paragraph("x", call), note)[0])
    assert html.select_one("li").get_text() == "loss: what falls"
    assert html.select_one("sup a")["href"] == "#note"
    assert html.find(id="note") is not None


def test_fields_boxes_and_lines_are_written():
    field = nodes.field("", nodes.field_name("", "rate"), nodes.field_body("", paragraph("0.1")))
    lines = nodes.line_block("", nodes.line("", "one"), nodes.line("", "two"))
    html = rendered(written(
        nodes.field_list("", field), nodes.note("", paragraph("mind")), nodes.rubric("", "Sources"), lines, nodes.transition(),
        nodes.doctest_block("", ">>> 1"), nodes.container("", nodes.target("", "", ids=["here"]), nodes.image(uri="b.svg")),
        nodes.comment("", "no"), paragraph(nodes.emphasis("", "so"), nodes.inline("", "hidden", classes=["visually-hidden"])),
    )[0])  # fmt: skip
    assert html.select_one("li").get_text() == "rate: 0.1"
    assert [part.get_text() for part in html.select("strong")] == ["rate", "Note", "Sources"]
    assert html.select_one("blockquote").get_text().split() == ["Note", "mind"]
    assert html.select_one("br").previous_sibling == "one" and html.hr is not None
    assert html.select_one("code.language-python").get_text().strip() == ">>> 1"
    assert html.find(id="here") is not None and html.img["src"] == "attachment:b.svg"
    assert html.em.get_text() == "so" and not re.search("no|hidden", html.get_text())


def test_a_table_without_a_head_gets_an_empty_one():
    rows = [nodes.row("", nodes.entry("", paragraph(word))) for word in ("a", "b")]
    table = nodes.table("", nodes.title("", "Letters"), nodes.tgroup("", nodes.tbody("", *rows), cols=1))
    html = rendered(written(table)[0])
    assert ([cell.get_text() for cell in html.select("th")], [cell.get_text() for cell in html.select("td")]) == ([""], ["a", "b"])
    assert html.strong.get_text() == "Letters"


def test_a_picture_of_the_text_travels_in_its_cell(tmp_path):
    (tmp_path / "a.svg").write_text("<svg/>", encoding="utf-8")
    document = SimpleNamespace(children=[paragraph(nodes.image(uri="a.svg", alt="A hill."))])
    (part,) = plain.Page({}, {}, None).parts(document)
    cell = making.text_cell(part, tmp_path)
    assert cell.source == "![A hill.](attachment:a.svg)"
    assert [*cell.attachments["a.svg"]] == ["image/svg+xml"]


def test_a_node_that_cannot_be_written_is_reported():
    class hologram(nodes.General, nodes.Element):
        pass

    markdown, unknown = written(hologram("", nodes.Text("seen from all sides")))
    assert (markdown, len(unknown)) == ("seen from all sides", 1)

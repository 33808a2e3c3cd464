"""The project's own files: what is pinned, what is tracked, what makes notebooks run again."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from copies import ROOT, tracked
from jupyter_cache import get_cache
from nbformat import writes
from nbformat.v4 import new_code_cell, new_notebook, new_output
from sphinx.errors import ExtensionError

from lib import icons, katex, site
from lib.explorer.code import page_script, style

LARGEST = 2_500_000


# Spelled in pieces, so that this file does not break its own rule.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.])/(?:root|work|home/\w+|Users/\w+|tmp/w)/",
    "a package registry's host": r"pypi\." + r"org|pythonhosted\." + r"org|npmjs\." + r"org|cran\.r-" + r"project",
    "an assistant": r"(?i)\b(?:chat" + r"gpt|clau" + r"de(?: code|\.ai|[- ]\d)|anth" + r"ropic|copi" + r"lot)\b",
    "a generated-by line": r"(?i)generated (?:by|with) (?:an? )?(?:AI|LLM|language model|agent)\b",
}


def forbidden(text):
    """What a text must not contain, and does."""
    return [f"{what}: {found.group()}" for what, pattern in FORBIDDEN.items() for found in re.finditer(pattern, text)]


def test_no_tracked_file_names_what_it_must_not():
    found = {}
    for file in tracked():
        try:
            problems = forbidden(file.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
        if problems:
            found[file.relative_to(ROOT).as_posix()] = problems
    assert found == {}


@pytest.mark.parametrize(
    "text",
    ["see /ro" + "ot/x", "in /wo" + "rk/main", "/home/" + "ada/book", "https://pypi." + "org/simple", "by Chat" + "GPT",
     "generated " + "with AI"],
)  # fmt: skip
def test_what_is_forbidden_is_found_out(text):
    assert forbidden(text)


@pytest.mark.parametrize("text", ["https://example.org/work/", "the root/ of it", "at work", "x = lr / homework / 2"])
def test_what_is_harmless_is_not(text):
    assert not forbidden(text)


def test_no_tracked_file_is_large():
    assert [file for file in tracked() if file.stat().st_size > LARGEST] == []


def pins(path):
    """The packages that a requirements file pins: name (normal form) to version."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = (re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?==([\w.!+]+)(?: *;.*)?", line.strip()) for line in lines)
    return {re.sub(r"[-_.]+", "-", match[1]).lower(): match[2] for match in found if match}


def test_every_requirement_is_pinned_to_the_version_in_constraints():
    required, constrained = pins(ROOT / "requirements.txt"), pins(ROOT / "constraints.txt")
    assert required
    assert {name: constrained.get(name) for name in required} == required


def test_every_line_of_requirements_is_a_pin():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    others = [line for line in lines if line and not line.startswith("#") and "==" not in line]
    assert others == ["-c constraints.txt", "-e ."]


def test_an_installed_package_needs_only_what_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {re.split(r"[<>=]", dependency)[0] for dependency in project["project"]["dependencies"]}
    assert {"anywidget", "ipywidgets", "latex2mathml"} <= needed <= pins(ROOT / "requirements.txt").keys()


def test_the_lock_file_names_no_address_and_has_the_pinned_katex():
    lock = yaml.safe_load((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"]["node_modules/katex"]["version"] == lock["packages"][""]["dependencies"]["katex"]
    assert not any("resolved" in package for package in lock["packages"].values())


@pytest.mark.parametrize("file", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda file: file.name)
def test_a_workflow_can_be_read(file):
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert workflow["name"]
    assert True in workflow  # the key `on`, as YAML reads it
    for job in workflow["jobs"].values():
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file()
            continue
        assert job["runs-on"]
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])


@pytest.mark.skipif(os.name == "nt", reason="CI's script is for Debian")
def test_the_script_of_ci_can_be_read():
    assert subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT).returncode == 0


# What makes notebooks run again, and pages be made again.


@pytest.fixture
def project(tmp_path):
    for name in ("lib/rules.py", "lib/data/a.npz", "requirements.txt", "constraints.txt", "package.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    (tmp_path / "book" / "static").mkdir(parents=True)
    return tmp_path


def test_digest_follows_names_and_contents_and_nothing_else(project):
    def digest():
        return site.digest(project / "lib", project / "requirements.txt")

    first = digest()
    assert digest() == first
    (project / "lib" / "__pycache__").mkdir()
    (project / "lib" / "__pycache__" / "rules.pyc").write_bytes(b"1")
    assert digest() == first
    (project / "lib" / "rules.py").write_text("changed", encoding="utf-8")
    changed = digest()
    (project / "lib" / "rules.py").rename(project / "lib" / "losses.py")
    renamed = digest()
    (project / "requirements.txt").write_text("changed", encoding="utf-8")
    assert len({first, changed, renamed, digest()}) == 4


def application(project):
    """As much of Sphinx's application as the extension looks at."""
    out, trees = project / "_build" / "html", project / "_build" / ".doctrees"
    return SimpleNamespace(srcdir=project, outdir=out, doctreedir=trees, config=SimpleNamespace(), _warncount=0)


def test_the_execution_cache_moves_when_lib_changes(project, monkeypatch):
    monkeypatch.setattr(site, "LIB", project / "lib")
    app = application(project)
    site.follow_sources(app, app.config)
    first = Path(app.config.nb_execution_cache_path)
    first.mkdir(parents=True)
    site.follow_sources(app, app.config)
    assert Path(app.config.nb_execution_cache_path) == first
    assert first.exists()
    (project / "lib" / "data" / "a.npz").write_text("changed", encoding="utf-8")
    site.follow_sources(app, app.config)
    assert Path(app.config.nb_execution_cache_path) != first
    assert not first.exists()


@pytest.mark.parametrize(("warnings", "error", "kept"), [(0, None, True), (1, None, False), (0, OSError(), False)])
def test_what_a_failed_build_left_is_thrown_away(project, warnings, error, kept):
    app = application(project)
    site.forget_unfinished(app, app.config)
    page = app.outdir / "page.html"
    page.touch()
    app._warncount = warnings
    site.remember_finished(app, error)
    site.forget_unfinished(app, app.config)
    assert page.exists() == kept


def test_what_an_interrupted_build_left_is_thrown_away(project):
    app = application(project)
    site.forget_unfinished(app, app.config)
    (app.outdir / "page.html").touch()
    site.forget_unfinished(app, app.config)
    assert not (app.outdir / "page.html").exists()


def test_polish_takes_the_icon_script_and_leaves_others():
    script = '<script defer src="../_static/scripts/{}.js?digest=1"></script>'
    html = f"<head>{script.format('fontawesome')}{script.format('bootstrap')}</head>"
    assert site.polish(html) == f"<head>{script.format('bootstrap')}</head>"


# The interactive figures in the site.


class Pages:
    """As much of Sphinx's application as loads scripts and styles into a page."""

    def __init__(self, out, builder="html"):
        self.outdir, self.builder, self.loaded = out, SimpleNamespace(name=builder), []

    def add_js_file(self, name, **how):
        self.loaded.append((name, how))

    add_css_file = add_js_file


@pytest.mark.parametrize(
    ("body", "loaded"),
    [
        ('<p>text</p><div class="downhill" id="race"></div>', ["explorer.js", "explorer.css"]),
        ('<div class="downhill" data-kind="plane"></div><div class="downhill" data-kind="race"></div>', ["race.js", "race.css"]),
        ('<p class="text">going downhill</p>', []),
    ],
)
def test_only_a_page_with_an_interactive_figure_loads_its_script(tmp_path, body, loaded):
    app = Pages(tmp_path)
    site.add_explorer(app, "page", "page.html", {"body": body}, None)
    assert [name for name, _ in app.loaded] == loaded
    assert all(how == {"loading_method": "async"} for name, how in app.loaded if name.endswith(".js"))
    site.add_explorer(app, "search", "search.html", {}, None)
    assert len(app.loaded) == len(loaded)


def test_the_script_and_the_style_stand_in_the_site_once(tmp_path):
    site.write_explorer(Pages(tmp_path, "jupyter"))
    assert [*tmp_path.iterdir()] == []
    site.write_explorer(Pages(tmp_path))
    static = tmp_path / "_static"
    assert {file.name for file in static.iterdir()} == {"explorer.js", "explorer.css", "race.js", "race.css"}
    for name, more in {"explorer": (), "race": ("race",)}.items():
        assert (static / f"{name}.js").read_text(encoding="utf-8") == site.minified(page_script(*more), "js")
        assert (static / f"{name}.css").read_text(encoding="utf-8") == site.minified(style(*more), "css")


def test_an_executed_notebook_keeps_no_state_of_its_widgets(tmp_path, monkeypatch):
    def execution(notebook, *_, **__):
        notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
        notebook.cells[0].outputs = [new_output("stream", text="0\n")]
        return SimpleNamespace(err=None, time=0.0)

    monkeypatch.setattr(site, "single_nb_execution", execution)
    (tmp_path / "page.ipynb").write_text(writes(new_notebook(cells=[new_code_cell("print(0)")])), encoding="utf-8")
    cache = str(tmp_path / "cache")
    config = SimpleNamespace(nb_execution_mode="cache", nb_execution_cache_path=cache, nb_execution_timeout=60)
    env = SimpleNamespace(doc2path=lambda name: tmp_path / f"{name}.ipynb")
    site.execute_ahead(SimpleNamespace(config=config), env, ["page"])
    (record,) = get_cache(cache).list_cache_records()
    stored = get_cache(cache).get_cache_bundle(record.pk).nb
    assert stored.cells[0].outputs[0].text == "0\n"
    assert "widgets" not in stored.metadata


CSS = (
    '.fa-sun:before{content:"\\f185"}.fa-moon:before,.fa-night:before{content:"\\f186"}'
    '.tip{--icon:"\uf0eb"}.a{content:"x"}'
)


@pytest.mark.parametrize(
    ("names", "points"), [(set(), {0xF0EB}), ({"fa-sun"}, {0xF0EB, 0xF185}), ({"fa-night"}, {0xF0EB, 0xF186})]
)
def test_icons_are_kept_when_a_page_names_them_or_a_style_shows_them(names, points):
    assert icons.shown(names, CSS) == points


# Equations.


@pytest.fixture(autouse=True, scope="module")
def renderer():
    yield
    katex.close()


def test_an_equation_is_rendered_for_the_eye_and_for_screen_readers():
    html, error = katex.render(r"\sqrt{x}", display=True)
    assert error is None
    assert "katex-display" in html
    assert "<msqrt>" in html


def test_latex_that_cannot_be_read_is_an_error_and_printed_in_red():
    html, error = katex.render(r"\frac{1}")
    assert "katex-error" in html
    assert "KaTeX parse error" in error


def test_without_katex_the_error_says_what_to_do(monkeypatch, tmp_path):
    katex.close()
    monkeypatch.setattr(katex, "DIST", tmp_path)
    with pytest.raises(ExtensionError, match="npm ci"):
        katex._renderer()


def test_without_node_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(katex.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ExtensionError, match="pip install"):
        katex.find_node()

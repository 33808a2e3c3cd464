"""The interactive figures in a live kernel: a JupyterLab that is driven as a reader would, and Colab's ipywidgets 7.7.

The first needs Chromium as ``test_site`` does, the second a package index; neither is skipped under CI.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lib.notebooks import normalise, written

ROOT = Path(__file__).resolve().parents[1]

CELLS = (
    "from lib.explorer import explore\nfrom lib.rules import sgd\nfigure = explore(sgd, lr=0.05, steps=20)\nfigure",
    "figure.lr = 0.03\nprint('set')",
    "print('lr', figure.lr, figure.path.shape, figure.path[1].tolist())",
    "figure.set_state({'state': figure.state | {'sgd.lr': -1}})\nprint('still', figure.lr)",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on a free port, without a token and with settings of its own; its address."""
    root, home = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home")
    notebook = normalise(new_notebook(cells=[new_code_cell(cell) for cell in CELLS]))
    (root / "figure.ipynb").write_text(written(notebook), encoding="utf-8")
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR", "IPYTHONDIR")
    environment = os.environ | {name: str(home / name) for name in names} | {"PYTHONPATH": str(ROOT)}
    options = {
        "ServerApp.port": 0, "IdentityProvider.token": "", "ServerApp.root_dir": root,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }  # fmt: skip
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with open(home / "log", "wb") as log:
        server = subprocess.Popen(command, env=environment, cwd=root, stdout=log, stderr=log)
    try:
        yield _address(server, home)
    finally:
        server.terminate()
        server.wait(30)


def _address(server, home, patience=60):
    """Where a server that has just been started listens; it writes that into its runtime folder."""
    for _ in range(10 * patience):
        for file in (home / "JUPYTER_RUNTIME_DIR").glob("jpserver-*.json"):
            try:
                return json.loads(file.read_text(encoding="utf-8"))["url"]
            except ValueError:
                pass
        if server.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"JupyterLab does not start:\n{(home / 'log').read_text(encoding='utf-8')[-3000:]}")


@pytest.fixture(scope="module")
def page(browser, lab):
    """The notebook in JupyterLab, nothing run yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{lab}lab/tree/figure.ipynb")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    yield page
    context.close()


def run(page, number, expected):
    """Run a cell; returns its output once ``expected``, a selector, is in it."""
    cell = page.locator(".jp-CodeCell").nth(number)
    cell.locator(".cm-content").first.click()
    page.keyboard.press("Control+Enter")
    output = cell.locator(".jp-OutputArea-output")
    output.locator(expected).first.wait_for()
    return output


def shows(page, value):
    """Wait until the figure shows a learning rate."""
    page.wait_for_function(
        "(value) => Number(document.querySelector(\"input[type=text][data-key='sgd.lr']\").value) === value", arg=value
    )


def above(page, value):
    """Wait until the figure, which draws with the next frame, shows a learning rate above a value."""
    page.wait_for_function(
        "(value) => Number(document.querySelector(\"input[type=text][data-key='sgd.lr']\").value) > value", arg=value
    )


def test_figure_and_kernel_talk_both_ways(page):
    figure = run(page, 0, ".downhill .stage")
    shows(page, 0.05)
    assert page.evaluate("getComputedStyle(document.querySelector('.map svg .frame')).fill") == "none"
    assert "SGD reaches" in figure.inner_text()

    run(page, 1, "text=set")
    shows(page, 0.03)

    box = page.locator("input[type=range][data-key='sgd.lr']").bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    above(page, 0.1)
    moved = float(page.input_value("input[type=text][data-key='sgd.lr']"))
    page.wait_for_timeout(500)  # changes are sent in bundles
    path = [-9.0 - moved * -9.0, 2.0 - moved * (25 * 2.0)]
    assert run(page, 2, "text=lr").inner_text().strip() == f"lr {moved} (21, 2) {path}"

    assert run(page, 3, "text=still").inner_text().splitlines()[-1].strip() == f"still {moved}"
    shows(page, moved)


def test_the_figure_gets_its_keys_before_jupyterlab(page):
    box, slider = (page.locator(f"input[type={kind}][data-key='sgd.lr']") for kind in ("text", "range"))
    box.fill("0.05")
    box.press("Enter")
    shows(page, 0.05)
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    above(page, 0.05)


COLAB = """
import sys, types, warnings
sys.modules["google.colab.output"] = colab = types.ModuleType("google.colab.output")
colab.enable_custom_widget_manager = lambda: None
colab._widgets = types.SimpleNamespace(_installed_url="https://example.org/manager")
import ipywidgets
from IPython.core.interactiveshell import InteractiveShell
from lib.explorer import explore, plane, stream
from lib.rules import adam, momentum, sgd

assert ipywidgets.__version__ == "7.7.1"
display = InteractiveShell.instance().display_formatter.format
for figure in (explore(sgd, adam), stream(adam), plane(momentum)):
    data, metadata = display(figure)
    view = data["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == figure.model_id and "colab" in metadata["application/vnd.jupyter.widget-view+json"]
    assert data["text/html"].startswith('<div class="downhill"')
    assert data["text/plain"] == repr(figure) and "alt" in metadata["image/png"]

figure, seen = explore(sgd), []
slider = ipywidgets.FloatSlider(max=1)
ipywidgets.link((figure, "lr"), (slider, "value"))
ipywidgets.interactive_output(lambda path: seen.append(path.shape), {"path": figure})
slider.value = 0.5
figure.set_state({"state": figure.state | {"steps": 7, "step": 7}})
figure.set_state({"state": figure.state | {"sgd.lr": -1}})
assert (figure.lr, figure.steps, seen) == (0.5, 7, [(201, 2), (201, 2), (8, 2)])
print("all is well")
"""


@pytest.fixture(scope="module")
def old_widgets(tmp_path_factory):
    """A folder with the ipywidgets of Colab."""
    folder = tmp_path_factory.mktemp("ipywidgets")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    packages = ["ipywidgets==7.7.1", "ipython_genutils==0.2.0", "widgetsnbextension==3.6.10"]
    result = subprocess.run([*command, "--target", str(folder), *packages], capture_output=True, encoding="utf-8")
    if result.returncode:
        missing = f"IPYWIDGETS 7.7 NOT TESTED: pip cannot get it: {result.stderr[-500:]}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return folder


def test_with_the_ipywidgets_of_colab(old_widgets):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(old_widgets), str(ROOT)])}
    result = subprocess.run([sys.executable, "-c", COLAB], env=environment, capture_output=True, encoding="utf-8", timeout=120)
    assert result.stdout.endswith("all is well\n"), result.stderr[-3000:]

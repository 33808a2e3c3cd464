"""The first cell of a notebook that leaves the book: it installs the library where it is not."""

EDITIONS = "editions"  # the branch to which the workflow of the same name publishes
KEPT = ("numpy", "matplotlib", "sympy", "ipywidgets", "ipykernel", "ipython")
CELL = '''\
# Where the book's library is missing, as on Colab, this installs it. What is there already stays as it is.
import sys
from importlib import metadata

try:
    import {module}
except ImportError:
    there = {{found.name for found in metadata.distributions()}}
    kept = [f"{{name}}=={{metadata.version(name)}}" for name in {kept} if name in there]
    %pip install -q {{" ".join(kept)}} "{requirement}"
if "google.colab" in sys.modules:
    from google.colab import output
    output.enable_custom_widget_manager()'''


def requirement(url, branch):
    """What pip installs to get the library from the repository at ``url``."""
    return f"downhill @ git+{url}@{branch}"


def cell(module, url, branch):
    """The source of the cell. ``module``: what is imported to see whether the library is there."""
    return CELL.format(module=module, kept=KEPT, requirement=requirement(url, branch))

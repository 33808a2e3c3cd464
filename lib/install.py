"""The first cell of a notebook that leaves the book: it installs the library where it is not."""

EDITIONS = "editions"  # the branch to which the workflow of the same name publishes
CELL = '''\
# Where the book's library is missing, as on Colab, this installs it.
# What is installed already stays as it is.
import sys
from importlib import metadata

try:
    import {module}
except ImportError:
    keep = {{"numpy", "matplotlib", "sympy", "ipywidgets", "ipykernel", "ipython"}}
    there = keep & {{found.name for found in metadata.distributions()}}
    pins = " ".join(f"{{name}}=={{metadata.version(name)}}" for name in sorted(there))
    %pip install -q {{pins}} "{requirement}"
if "google.colab" in sys.modules:
    from google.colab import output
    output.enable_custom_widget_manager()'''


def requirement(url, branch):
    """What pip installs to get the library, and what chapters use beside it, from the repository at ``url``."""
    return f"downhill[chapters] @ git+{url}@{branch}"


def cell(module, url, branch):
    """The source of the cell. ``module``: what is imported to see whether the library is there."""
    return CELL.format(module=module, requirement=requirement(url, branch))

"""The command ``python -m lib.experiments``."""

import sys

from lib.experiments import main

sys.exit(main(sys.argv[1:]))

"""``python -m tests.mutants [part of a name ...]``: which mistakes does the suite notice?"""

import sys

from tests.engines import set_environment

set_environment()

from tests.mutants.runner import main  # noqa: E402  the environment first

sys.exit(main(sys.argv[1:]))

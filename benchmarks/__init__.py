"""What contactfold does in a second, beside what the machine does without it: `make bench`.

Real servers come from tests/servers, which the tests use too.
"""

import sys
from pathlib import Path

_TESTS = str(Path(__file__).parents[1] / "tests")
if _TESTS not in sys.path:
    sys.path.append(_TESTS)

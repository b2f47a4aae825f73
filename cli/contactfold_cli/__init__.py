"""The command line: `contactfold ...`, and the composition root of everything it starts."""

import gc

# Modules are not garbage: looking for some again and again while they are imported takes an eighth of a start.
gc.set_threshold(100_000, 50, 100)

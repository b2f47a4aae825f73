"""The command line: `contactfold ...`, and the composition root of everything it starts."""

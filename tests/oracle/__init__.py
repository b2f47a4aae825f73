"""An oracle of SEMANTICS.md, slow, small and independent of the domain core; and the law, checked against it."""

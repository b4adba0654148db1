"""Which nets a library uses, and what was measured about them.

The calibration that ships, the choice of detector, embedder and heads for a run, and models that
the user adds. It holds names, digests and numbers; loading and running nets belongs to `nets`.
"""

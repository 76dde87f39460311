"""Costs of a chip: memory, vectors and conversions, and every product by weights."""

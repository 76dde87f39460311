"""Layers of torch as matrices on arrays: the products, and the modules around them."""

"""Shared parts of the studies of one paper: its crossbars, its grids, the layout of its tables."""

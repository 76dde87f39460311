"""Parts that the studies of one paper share: its crossbars, its grids, the layout of its tables."""

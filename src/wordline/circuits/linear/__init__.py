"""Ohmic arrays: nested dissection, with a reference in torch and compiled code for CPUs."""

"""Copies of networks: independent ones, and ones that share everything but some modules."""

"""Study files are loaded by `load_study` alone: imported twice, a value would have two classes."""

collect_ignore = ["small.py"]

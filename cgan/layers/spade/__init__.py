"""Spatially-adaptive normalisation (norm.py), and how a CPU computes it faster (patches, tables, faster)."""

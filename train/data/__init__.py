"""Data sets and the batches that recipes are fed."""

"""Discriminators, and the adversarial losses that are taken over their judgements."""

"""Frozen networks: perceptual losses, LPIPS, features for distances, a segmenter."""

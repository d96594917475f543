"""What makes a recipe's losses into learned weights: banks, spectral norm, precision, graphs, the trainer."""

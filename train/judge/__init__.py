"""How good a model is: scores while it trains, the tables of `evaluate`, sheets of samples."""

"""What becomes a checkpoint, and the card beside it."""

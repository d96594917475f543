"""How fast training and inference are, and that half precision costs no quality."""

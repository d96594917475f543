"""Paint with a conditional GAN in the browser: `python app.py`, then open the address it prints."""

import sys

from app.start import main

if __name__ == "__main__":
    sys.exit(main())

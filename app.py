"""Paint with a conditional GAN in the browser: `python app.py`, then open the address it prints."""

import sys

if __name__ == "__main__":
    if not {"-h", "--help"} & {*sys.argv}:
        print("cgan: loading …", flush=True)  # at once: torch and Gradio take some seconds
    from app.start import main

    sys.exit(main())

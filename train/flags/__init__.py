"""The command line's words: flags that come from dataclasses, help, and one line for what is wrong."""

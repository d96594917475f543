"""The browser application: one tab a module, on top of `cgan`.

`ui.py` assembles the tabs, `events.py` is how they listen, `shelf.py` lends them models, `widgets.py` and
`canvas.py` are the components that Gradio does not have, and `uris.py` reads what browsers send.
"""

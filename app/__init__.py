"""The browser application, on top of `cgan`.

`start.py` is the command line and `ui.py` the page, made of the tabs in `tabs/`, which are made of the
components in `components/`, whose scripts `scripts/` puts together. `shelf.py` lends models, which
`serve.py` and `replica.py` put behind Ray Serve; `requests.py` bounds and reads what clients send,
`events.py` is how components are listened to. `training.py` starts runs and reads their folders. `maps.py`,
`drawings.py` and `styles.py` are about what is painted, `choosing.py` about what all tabs have,
`examples.py` about what there is to begin with, `records.py` about what pictures remember.
"""

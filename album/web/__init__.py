"""The album in a browser: a small server over a library, for one family and its own machine."""

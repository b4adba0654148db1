"""What can go wrong with a model before it has seen a picture."""


class ModelMissing(Exception):  # noqa: N818 - named as what the user is told
    """A model was asked for whose package or weights are not installed.

    The message is one sentence for the user that says what is missing and how to get it.
    """

"""What can go wrong with a model before it has seen a picture."""


class ModelMissing(Exception):  # noqa: N818 - named as what the user is told
    """A model was asked for whose package or weights are not installed.

    The message is one sentence for the user that says what is missing and how to get it.
    """


class ModelNotAdded(ModelMissing):
    """A model that does not ship was asked for, and has not been added.

    Attributes
    ----------
    model : str
        Its name, a key of `nets.runtime.addable.ADDABLE`.
    """

    def __init__(self, sentence: str, model: str = "") -> None:
        self.model = model
        super().__init__(sentence)


class DeviceMissing(ModelMissing):
    """ONNX Runtime was built without the device that was asked for."""


class WeightsError(Exception):
    """The weights are absent, damaged or not the ones that the manifest describes."""


class AddedWeightsError(WeightsError):
    """The weights of a model that the user added can't be read; adding it again helps.

    Attributes
    ----------
    model : str
        A key of `nets.runtime.addable.ADDABLE`.
    """

    def __init__(self, sentence: str, model: str = "") -> None:
        self.model = model
        super().__init__(sentence)

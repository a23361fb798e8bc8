"""The errors that mien raises on purpose. Each says what was found, where, what is accepted and what to do."""


class MienError(Exception):
    """Base of every error that mien raises on purpose; the command line prints it without a traceback."""


class DataError(MienError):
    """A data set cannot be read as it stands: names the file, the row, what was found and what was expected."""


class RecipeError(MienError):
    """A recipe or one of its fields is unknown, of the wrong type, or cannot be trained here."""


class ModelError(MienError):
    """A model folder, checkpoint or weights file is missing, damaged or does not fit."""


class InputError(MienError):
    """A photo, video or other input cannot be read, an argument cannot be, or a result cannot be written."""

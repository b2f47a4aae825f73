"""A file that is no table."""

from contactfold.domain.errors import ContactfoldError


class NotATable(ContactfoldError):
    """A file that is no table, or not as the options say; `code` is for programs, `message` one sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message

"""How far a child process has come, in eight bytes that its parent reads: no server is asked, none slowed down."""

import mmap
import struct
from pathlib import Path

_NUMBER = struct.Struct("<q")


class Counter:
    """A number in a file. One process writes it."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_NUMBER.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _NUMBER.size)

    def write(self, number: int) -> None:
        """Tell how far it is."""
        _NUMBER.pack_into(self._memory, 0, number)

    def read(self) -> int:
        """What was told last."""
        return int(_NUMBER.unpack_from(self._memory)[0])

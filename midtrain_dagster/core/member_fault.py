"""Why a member of a compressed file cannot be read to its end."""


class MemberFault(ValueError):  # noqa: N818
    """A gzip member or zstd frame that is corrupt, ``cut`` off by the end of the file, or none.

    ``end`` is where it ends, where that is known all the same.
    """

    def __init__(self, reason: str, *, cut: bool = False, end: int | None = None):
        super().__init__(reason)
        self.cut = cut
        self.end = end

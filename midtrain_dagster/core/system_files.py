"""Files that a system leaves in folders of others, and that are part of nothing that lies there.

NFS and FUSE keep what is deleted while a process has it open under another name; macOS writes
``.DS_Store``, and on disks of other systems a ``._NAME`` beside each NAME; Windows writes
``Thumbs.db`` and ``desktop.ini``. They come and go without anybody having asked for them.
"""

import re
from collections.abc import Iterator
from pathlib import Path

_OF_A_SYSTEM = re.compile(
    r"\.nfs[0-9a-f]{8,}|\.fuse_hidden[0-9a-f]{8,}|\.ds_store|\._.*|(eh)?thumbs\.db|desktop\.ini",
    re.IGNORECASE | re.DOTALL,
)


def is_of_a_system(name: str) -> bool:
    """Whether a file of that name, without its folder, is such a one."""
    return _OF_A_SYSTEM.fullmatch(name) is not None


def own_files(folder: Path, pattern: str = "*") -> Iterator[Path]:
    """What lies in a folder and matches a glob pattern, without what a system has left there."""
    return (path for path in folder.glob(pattern) if not is_of_a_system(path.name))

"""Torch DCP folders (``torch.distributed.checkpoint``) read without unpickling foreign code.

PyTorch's own reader unpickles ``.metadata``, and every value that is no tensor, without a limit, so
a checkpoint from elsewhere could run anything. Here ``.metadata`` may name nothing but the data
classes that DCP writes, and values are loaded with ``weights_only``. The tensors themselves are
read by PyTorch, resharded into whole ones, in one process without a process group.
"""

import io
import pickle
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.distributed.checkpoint.metadata import Metadata

METADATA = ".metadata"

ALLOWED = {
    "torch.distributed.checkpoint.metadata": {
        *("Metadata", "MetadataIndex", "StorageMeta", "TensorStorageMetadata"),
        *("BytesStorageMetadata", "ChunkStorageMetadata", "TensorProperties"),
        "_MEM_FORMAT_ENCODING",
    },
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo"},
    "torch.serialization": {"_get_layout"},
    "torch": {
        "Size",
        *("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"),
        *("int64", "int32", "int16", "int8", "uint8", "bool"),
    },
    # Only ever paths in what DCP writes: of the folder that it was saved to.
    "pathlib": {"PosixPath", "PurePosixPath"},
    "pathlib._local": {"PosixPath", "PurePosixPath"},
    "collections": {"OrderedDict"},
}
"""All that ``.metadata`` may name, by module."""


class UnreadableError(ValueError):
    """A DCP folder that is damaged, or holds what is not read; it names the file."""


class DcpFolder:
    """What a DCP folder holds: ``tensors`` (shape by key) and ``objects`` (keys).

    Raises ``UnreadableError`` for metadata that are missing, damaged, or name anything foreign.
    """

    def __init__(self, folder: Path) -> None:
        from torch.distributed.checkpoint.metadata import TensorStorageMetadata

        self.folder = folder
        self._metadata = _read_metadata(folder / METADATA)
        entries = self._metadata.state_dict_metadata
        self.tensors: dict[str, tuple[int, ...]] = {}
        self.objects: list[str] = []
        for key, entry in entries.items():
            if isinstance(entry, TensorStorageMetadata):
                self.tensors[key] = tuple(entry.size)
            else:
                self.objects.append(key)

    def read(self, keys: Sequence[str], *, shapes_only: bool = False) -> dict[str, Any]:
        """The values of the keys: whole tensors on the CPU, and numbers, texts and lists of them.

        With ``shapes_only`` tensors with dimensions are left on the meta device, unread. Raises
        ``UnreadableError`` for files that are missing or damaged, and for values of other types.
        """
        import torch
        from torch.distributed.checkpoint import CheckpointException, load

        state: dict[str, Any] = {}
        skipped: dict[str, Any] = {}
        for key in keys:
            if key not in self.tensors:
                state[key] = None
                continue
            entry: Any = self._metadata.state_dict_metadata[key]
            where = "meta" if shapes_only and self.tensors[key] else "cpu"
            tensor = torch.empty(entry.size, dtype=entry.properties.dtype, device=where)
            (skipped if where == "meta" else state)[key] = tensor
        reader, planner = _parts(self.folder, self._metadata)
        try:
            with warnings.catch_warnings(action="ignore", category=UserWarning):
                # It warns that there is no process group, which is meant so.
                load(state, storage_reader=reader, planner=planner, no_dist=True)
        except (CheckpointException, OSError, RuntimeError, pickle.UnpicklingError) as error:
            cause = next(iter(getattr(error, "failures", {}).values()), (error,))[0]
            raise UnreadableError(f"{self.folder}: {cause}") from error
        return state | skipped


def _read_metadata(file: Path) -> "Metadata":
    from torch.distributed.checkpoint.metadata import Metadata

    try:
        metadata = _Metadata(io.BytesIO(file.read_bytes())).load()
    except Exception as error:  # a damaged pickle raises whatever it likes
        raise UnreadableError(f"{file}: {error}") from error
    if not isinstance(metadata, Metadata) or metadata.storage_data is None:
        raise UnreadableError(f"{file}: not the metadata of a torch DCP folder")
    for info in metadata.storage_data.values():
        if Path(info.relative_path).name != info.relative_path:
            raise UnreadableError(f"{file}: it names {info.relative_path!r}, outside its folder")
    return metadata


class _Metadata(pickle.Unpickler):
    """Unpickles what DCP writes, and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        if name not in ALLOWED.get(module, ()):
            raise pickle.UnpicklingError(f"it names {module}.{name}, which DCP does not write")
        return super().find_class(module, name)


def _parts(folder: Path, metadata: "Metadata") -> tuple[Any, Any]:
    """PyTorch's reader and planner, with the two places closed where they would unpickle."""
    import torch
    from torch.distributed.checkpoint import DefaultLoadPlanner, FileSystemReader
    from torch.distributed.checkpoint.metadata import StorageMeta

    class Reader(FileSystemReader):
        def read_metadata(self, *args: Any, **kwargs: Any) -> "Metadata":
            metadata.storage_meta = metadata.storage_meta or StorageMeta()
            return metadata

    class Planner(DefaultLoadPlanner):
        def load_bytes(self, read_item: Any, value: io.BytesIO) -> None:
            loaded = torch.load(value, weights_only=True)
            self.original_state_dict[read_item.dest_index.fqn] = loaded

    return Reader(folder), Planner()

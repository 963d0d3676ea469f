"""A Zarr folder whose descriptions of arrays and groups are read at once.

Opening a store looks at the description of every array, one file each. Zarr finds them by listing
folders, and waits for every file by itself; read beforehand, as Zarr's consolidated metadata, they
take half the time.
"""

__all__ = ["DescribedStore"]

import json
from pathlib import Path

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype
from zarr.storage import LocalStore

DESCRIPTION = "zarr.json"


class DescribedStore(LocalStore):
    """A folder, read only, whose root tells what all arrays and groups are like.

    Arguments:
        root: The folder.

    Raises:
        FileNotFoundError: If it has no description.
        ValueError: If a description is no JSON.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root, read_only=True)
        described = json.loads((root / DESCRIPTION).read_bytes())
        inside = {
            file.parent.relative_to(root).as_posix(): json.loads(file.read_bytes())
            for file in sorted(root.rglob(DESCRIPTION))
            if file.parent != root
        }
        whole = {"kind": "inline", "must_understand": False, "metadata": inside}
        self._described = json.dumps(described | {"consolidated_metadata": whole}).encode()

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return what stands under a key, see `zarr.abc.store.Store`."""
        if key == DESCRIPTION and byte_range is None:
            return (prototype or default_buffer_prototype()).buffer.from_bytes(self._described)
        return await super().get(key, prototype, byte_range)

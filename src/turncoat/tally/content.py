"""A cheap mark of what a file holds: some of its blocks, not all of them."""

import hashlib
import os
from pathlib import Path

#: Blocks looked at, evenly over the file, its beginning and its end among them: a mebibyte in all.
N_BLOCKS = 64
BYTES_PER_BLOCK = 16 * 1024


def sample_content(path: Path | None) -> str:
    """Mark some blocks of a file, or what is in a folder and some blocks of its largest files.

    Another file of the same size, made at the same time, has other bytes nearly everywhere once it is
    compressed, so a few blocks tell the two apart. One value edited in place may go unnoticed.

    Parameters
    ----------
    path
        File or folder (zarr, mtx); None for cells in memory.
    """
    if path is None or not path.exists():
        return ""
    digest = hashlib.sha256()
    if path.is_file():
        _add_blocks(digest, path, N_BLOCKS)
        return digest.hexdigest()
    found = sorted(file for file in path.rglob("*") if file.is_file())
    states = [file.stat() for file in found]
    for file, state in zip(found, states, strict=True):
        name = file.relative_to(path).as_posix()
        digest.update(f"{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    largest = sorted(range(len(found)), key=lambda k: -states[k].st_size)[:N_BLOCKS]
    for k in largest:
        _add_blocks(digest, found[k], max(1, N_BLOCKS // len(largest)))
    return digest.hexdigest()


def _add_blocks(digest: "hashlib._Hash", path: Path, n_blocks: int) -> None:
    with path.open("rb", buffering=0) as stream:
        last = max(0, os.fstat(stream.fileno()).st_size - BYTES_PER_BLOCK)
        for k in range(n_blocks):
            stream.seek(last * k // max(1, n_blocks - 1))
            digest.update(stream.read(BYTES_PER_BLOCK))

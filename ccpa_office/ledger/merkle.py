"""One hash over many receipts, and the proof that one of them is among them (RFC 6962, 2.1)."""

import hashlib
from collections.abc import Sequence


def _leaf(value: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + value).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Level by level from the leaves up; an odd one at the end rises as it is."""
    levels = [[_leaf(leaf) for leaf in leaves]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        above = [_node(*below[i : i + 2]) for i in range(0, len(below) - 1, 2)]
        levels.append(above + below[len(above) * 2 :])
    return levels


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over ``leaves`` in their order; over nothing, the hash of nothing."""
    return _levels(leaves)[-1][0] if leaves else hashlib.sha256().digest()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from the leaf at ``index`` to the root, bottom up. Raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError
    path: list[bytes] = []
    for level in _levels(leaves)[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index //= 2
    return path


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether ``path`` proves that ``leaf`` is number ``index`` of the ``size`` under ``root``."""
    if not 0 <= index < size:
        return False
    current, rest, last = _leaf(leaf), list(path), size - 1
    while last:
        if index ^ 1 <= last:
            if not rest:
                return False
            sibling = rest.pop(0)
            current = _node(sibling, current) if index & 1 else _node(current, sibling)
        index, last = index // 2, last // 2
    return not rest and current == root

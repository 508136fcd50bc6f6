"""The checkpoint reader: right files read exactly, wrong ones refused by name, hostile ones without running
anything.
"""

from __future__ import annotations

import os
import pickle
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sam_mask_service.sam import archive, checkpoint
from sam_mask_service.sam.checkpoint import State, read_state
from sam_mask_service.sam.checkpoint_errors import (
    CheckpointError,
    DamagedCheckpoint,
    HostileCheckpoint,
    LegacyCheckpoint,
    NotACheckpoint,
    WrongArchitecture,
)

from ..support import torchzip as tz

ONES = np.ones((2, 3), np.float32)


def read(path: Path) -> State:
    with path.open("rb") as file:
        return read_state(file)


def small(path: Path) -> Path:
    return tz.write(path, {"a.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "count": np.array(7, np.int64)})


def test_reads_what_was_written(tmp_path: Path) -> None:
    state = read(small(tmp_path / "x.pth"))
    assert list(state) == ["a.weight", "count"]
    assert np.array_equal(state["a.weight"], np.arange(12).reshape(3, 4))
    assert state["a.weight"].dtype == np.float32
    assert state["count"].shape == () and state["count"] == 7


def test_float32_is_a_view_of_the_file_and_others_become_float32(tmp_path: Path) -> None:
    half, double = np.linspace(0, 1, 6, dtype=np.float16), np.linspace(0, 1, 6)
    state = read(tz.write(tmp_path / "x.pth", {"f": np.linspace(0, 1, 6, dtype=np.float32), "h": half, "d": double}))
    assert not state["f"].flags.owndata
    assert state["h"].dtype == state["d"].dtype == np.float32
    assert np.array_equal(state["h"], half.astype(np.float32))
    assert np.allclose(state["d"], double)


def test_bfloat16_and_strided_tensors(tmp_path: Path) -> None:
    values = np.array([1.0, -2.5, 0.15625, 3.0], np.float32)
    half = (values.view(np.uint32) >> 16).astype(np.uint16)
    items = {
        "b": tz.tensor("0", "BFloat16Storage", 4, (4,)),
        "turned": tz.tensor("1", "FloatStorage", 6, (3, 2), (1, 3)),
        "part": tz.tensor("1", "FloatStorage", 6, (2,), (1,), offset=4),
    }
    storages = {"0": half.tobytes(), "1": np.arange(6, dtype=np.float32).tobytes()}
    state = read(tz.write_archive(tmp_path / "x.pth", tz.pickled(tz.mapping(items)), storages))
    assert np.array_equal(state["b"], values)
    assert np.array_equal(state["turned"], np.arange(6).reshape(2, 3).T)
    assert np.array_equal(state["part"], [4, 5])


@pytest.mark.parametrize("wrapper", ["model", "state_dict"])
def test_training_wrappers_and_module_prefixes_are_taken_off(tmp_path: Path, wrapper: str) -> None:
    inner = tz.mapping({"module.a": tz.tensor("0", "FloatStorage", 6, (2, 3))})
    outer = b"}(" + tz.text("epoch") + tz.number(3) + tz.text(wrapper) + inner + b"u"
    state = read(tz.write_archive(tmp_path / "x.pth", tz.pickled(outer), {"0": ONES.tobytes()}))
    assert list(state) == ["a"]


# What is no checkpoint at all.


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", NotACheckpoint, "empty"),
        (b"<!DOCTYPE html><html>not found</html>", NotACheckpoint, "HTML"),
        (b"\x89PNG\r\n\x1a\n" + bytes(600), NotACheckpoint, "no torch checkpoint"),
        (pickle.dumps({"a": [1, 2]}, protocol=2), LegacyCheckpoint, "pickle"),
        (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", LegacyCheckpoint, "1.6"),
        (b"PK\x03\x04" + bytes(1000), DamagedCheckpoint, "cut off"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, error: type[CheckpointError], words: str) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    with pytest.raises(error, match=words):
        read(path)


def test_tar_and_foreign_zip(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(small(tmp_path / "inner.pth"), "inner")
    with pytest.raises(LegacyCheckpoint):
        read(tmp_path / "x.tar")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as other:
        other.writestr("readme.txt", "hello")
    with pytest.raises(NotACheckpoint, match=r"data\.pkl"):
        read(tmp_path / "x.zip")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated(tmp_path: Path, share: float) -> None:
    path = small(tmp_path / "x.pth")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DamagedCheckpoint):
        read(path)


# What lies about itself.


def lying(items: dict[str, bytes], storages: dict[str, bytes]) -> Callable[[Path], Path]:
    return lambda path: tz.write_archive(path, tz.pickled(tz.mapping(items)), storages)


def one(*arguments: Any, data: bytes = ONES.tobytes(), **more: Any) -> Callable[[Path], Path]:
    return lying({"w": tz.tensor("0", "FloatStorage", *arguments, **more)}, {"0": data})


@pytest.mark.parametrize(
    ("write", "error", "words"),
    [
        (one(10**9, (10**9,)), DamagedCheckpoint, "claims 1000000000 values"),
        (one(6, (10**9,)), HostileCheckpoint, "claims 1000000000 values"),
        (one(6, (10**9,), (0,)), HostileCheckpoint, "claims 1000000000 values"),
        (one(6, (2, 3), (3, 2)), HostileCheckpoint, "claims"),
        (one(6, (2, 3), offset=1), HostileCheckpoint, "claims"),
        (one(6, (2, 3), offset=-1), HostileCheckpoint, "negative"),
        (one(6, (2, 3), (-3, 1)), HostileCheckpoint, "negative"),
        (one(6, (0, 3)), HostileCheckpoint, "empty"),
        (one(6, (1, 1, 1, 1, 1, 2, 3)), HostileCheckpoint, "7 sizes"),
        (one(6, (2, 3), (3,)), HostileCheckpoint, "1 strides"),
        (one(2**70, (2, 3)), DamagedCheckpoint, "claims"),
        (one(6, (2, 3), data=ONES.tobytes()[:-4]), DamagedCheckpoint, "holds 20 bytes"),
        (lying({"w": tz.tensor("9", "FloatStorage", 6, (2, 3))}, {"0": ONES.tobytes()}), DamagedCheckpoint, "missing"),
        (lying({"w": tz.tensor("../../x", "FloatStorage", 6, (2, 3))}, {"0": b""}), DamagedCheckpoint, "missing"),
        (lying({"w": tz.tensor("0", "QUInt8Storage", 6, (2, 3))}, {"0": ONES.tobytes()}), HostileCheckpoint, "type"),
    ],
)
def test_lies_about_sizes(
    tmp_path: Path, write: Callable[[Path], Path], error: type[CheckpointError], words: str
) -> None:
    path = write(tmp_path / "x.pth")
    tracemalloc.start()
    try:
        with pytest.raises(error, match=words):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_compressed_entries_are_refused_unread(tmp_path: Path) -> None:
    """A zip bomb: 64 MB of zeros in 64 kB."""
    items = {"w": tz.tensor("0", "FloatStorage", 16 << 20, (16 << 20,))}
    path = tz.write_archive(tmp_path / "x.pth", tz.pickled(tz.mapping(items)), {"0": bytes(64 << 20)}, compress=True)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(HostileCheckpoint, match="compressed"):
        read(path)


def test_big_endian_is_refused(tmp_path: Path) -> None:
    items = {"w": tz.tensor("0", "FloatStorage", 6, (2, 3))}
    with pytest.raises(NotACheckpoint, match="little-endian"):
        read(
            tz.write_archive(tmp_path / "x.pth", tz.pickled(tz.mapping(items)), {"0": ONES.tobytes()}, byteorder="big")
        )


def test_an_entry_twice_or_over_another(tmp_path: Path) -> None:
    path = small(tmp_path / "x.pth")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("archive/data/0", b"again")
    with pytest.raises(HostileCheckpoint, match="twice"):
        read(path)

    path = small(tmp_path / "y.pth")
    data = bytearray(path.read_bytes())
    table = data.find(b"PK\x01\x02")
    first = struct.unpack_from("<I", data, table + 42)
    second = data.find(b"PK\x01\x02", table + 4)
    struct.pack_into("<I", data, second + 42, *first)
    path.write_bytes(data)
    with pytest.raises(CheckpointError):
        read(path)


def test_a_table_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    path = small(tmp_path / "x.pth")
    data = bytearray(path.read_bytes())
    table = data.find(b"PK\x01\x02")
    data[table:table] = bytes(archive.MAX_TABLE_BYTES + 100)
    end = data.rfind(b"PK\x05\x06")
    struct.pack_into("<I", data, end + 12, struct.unpack_from("<I", data, end + 12)[0] + archive.MAX_TABLE_BYTES + 100)
    path.write_bytes(data)
    with pytest.raises(HostileCheckpoint, match="table of contents"):
        read(path)


# What wants to run something.


class Evil:
    """Pickles into a call of os.system."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def hostile(description: bytes) -> Callable[[Path], Path]:
    return lambda path: tz.write_archive(path, description, {"0": ONES.tobytes()})


REBUILD = tz.named("torch._utils", "_rebuild_tensor_v2")
DICT = tz.named("collections", "OrderedDict")


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (tz.pickled(b"cos\nsystem\n(" + tz.text("id") + b"tR"), r"os\.system"),
        (tz.pickled(b"cbuiltins\neval\n(" + tz.text("1") + b"tR"), r"builtins\.eval"),
        (tz.pickled(b"ctorch\nload\n)R"), r"torch\.load"),
        (tz.pickled(b"ctorch.serialization\nFloatStorage\n)R"), "refused"),
        (b"\x80\x04" + tz.text("posix") + tz.text("system") + b"\x93" + tz.text("id") + b"\x85R.", r"posix\.system"),
        (tz.pickled(b"(S'id'\nios\nsystem\n"), "INST|STRING"),
        (tz.pickled(b"(cos\nsystem\nS'id'\no"), r"os\.system|OBJ|STRING"),
        (tz.pickled(DICT + b")\x81"), "NEWOBJ"),
        (tz.pickled(DICT + b"(" + tz.text("x") + b"tR"), "dict"),
        (tz.pickled(REBUILD + b"(" + tz.number(1) * 4 + b"tR"), "no storage"),
        (tz.pickled(tz.named("torch", "FloatStorage") + b")R"), "no tensor"),
        (tz.pickled(REBUILD + b"}b"), "no dict"),
        (tz.pickled(tz.text("storage") + b"Q"), "no storage"),
        (tz.pickled(b"P0\n"), "PERSID"),
        (tz.pickled(b"\x82\x01"), "EXT1"),
        (tz.pickled(b"\x8b" + struct.pack("<i", 4) + b"\xff\xff\xff\x7f"), "LONG4"),
        (tz.pickled(tz.number(2**1000)), "absurd"),
        (tz.pickled(b"\x8e" + struct.pack("<Q", 4) + b"abcd"), "BINBYTES8"),
    ],
)
def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, description: bytes, words: str) -> None:
    ran: list[object] = []
    monkeypatch.setattr(os, "system", lambda *a: ran.append(a))
    with pytest.raises(HostileCheckpoint, match=words):
        read(hostile(description)(tmp_path / "x.pth"))
    assert not ran


def test_a_real_hostile_pickle(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for protocol in range(6):
        data = pickle.dumps({"w": Evil(f"touch {mark}")}, protocol=protocol)
        with pytest.raises(CheckpointError):
            read(hostile(data)(tmp_path / "x.pth"))
    assert not mark.exists()


@pytest.mark.parametrize(
    "description",
    [
        tz.pickled(b"]" * 100_000),
        tz.pickled(b")" + b"\x85" * 100_000),
        tz.pickled(b"}" + b"2" * 10),
        tz.pickled(b"r\xff\xff\xff\x7f"),
        tz.pickled(b"N" + b"r\xff\xff\xff\x7f" + b"}"),
        tz.pickled(b"j\xff\xff\xff\x7f"),
        tz.pickled(b"X\xff\xff\xff\x7fabc"),
        tz.pickled(b"t"),
        tz.pickled(b"}" + tz.text("a") + b"s"),
        tz.pickled(b"N" + tz.text("a") * 2 + b"s"),
        b"\x80\x02",
        b"",
        tz.pickled(
            b"]" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(200))
        ),
    ],
    ids=lambda d: f"{len(d)}-{d[2:6].hex()}",
)
def test_odd_pickles_are_refused_cheaply(tmp_path: Path, description: bytes) -> None:
    """Deep nesting, huge memo numbers, lengths beyond the end, doubling tuples, stacks that do not fit."""
    path = hostile(description)(tmp_path / "x.pth")
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_descriptions_beyond_the_limit(tmp_path: Path) -> None:
    with pytest.raises(HostileCheckpoint, match="bytes; at most"):
        read(hostile(tz.pickled(bytes(checkpoint.MAX_PICKLE_BYTES + 1)))(tmp_path / "x.pth"))
    with pytest.raises(HostileCheckpoint, match="longer than any"):
        read(hostile(tz.pickled(b"N" * 500_000))(tmp_path / "y.pth"))


@pytest.mark.parametrize("description", [tz.pickled(b"N"), tz.pickled(b"]"), tz.pickled(tz.text("x"))])
def test_no_state_dict(tmp_path: Path, description: bytes) -> None:
    with pytest.raises(WrongArchitecture, match="no state dict"):
        read(hostile(description)(tmp_path / "x.pth"))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_flipped_bytes_never_do_worse_than_an_error(data: st.DataObject) -> None:
    """Any single change gives the tensors or a CheckpointError; never another exception."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = small(Path(folder) / "x.pth")
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        try:
            state = read(path)
        except CheckpointError as e:
            assert folder not in str(e)
        else:
            arrays: list[NDArray[Any]] = list(state.values())
            assert sum(a.size for a in arrays) <= 64

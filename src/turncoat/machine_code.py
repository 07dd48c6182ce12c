"""Machine code of kernels, kept on disk and run without the compiler.

Loading numba, and what it needs to find a cached function again, takes half a second of processor
time in every fresh process: more than counting 10,000 cells. A kernel that only reads and writes
arrays needs none of it. Its machine code is kept beside its source and put into memory by LLVM,
which numba brings along and which loads in a twentieth of that time.

The code is called as numba calls it. That the compiled function takes its arguments in just that
way is checked against its own declaration when it is kept; a kernel for which it is not so, or
which needs more than the C library, is not kept and goes on to run through numba. Code is only
used for the sources, versions and processor that it was made for.
"""

import ctypes
import functools
import hashlib
import importlib.util
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from turncoat.errors import ArgumentError

MAGIC = b"turncoat machine code 1\n"
#: Statuses with which a compiled function says that all is well: with a value, and with none.
FINE = (0, -2)
#: Types of returned numbers that are read back.
RETURNED = {"int64": ctypes.c_int64, "float64": ctypes.c_double}
#: A whole number, a real one, and the C types that they travel as.
NUMBERS = {"int64": ("i64", ctypes.c_int64), "float64": ("double", ctypes.c_double)}


@dataclass(frozen=True, slots=True)
class Translation:
    """What the compiler made of a kernel for one choice of types.

    Parameters
    ----------
    assembly
        The optimised code, in LLVM's language.
    name
        Name of the function in it.
    returns
        Types of the numbers it returns, in order.
    """

    assembly: str
    name: str
    returns: tuple[str, ...]


def kinds_of(args: Sequence[Any]) -> tuple[str, ...] | None:
    """Name the types of arguments, ``float32[1]`` or ``int64``; None where one has no such name."""
    kinds = []
    for value in args:
        if isinstance(value, np.ndarray):
            if not (value.flags.c_contiguous and value.flags.aligned and value.dtype.isnative):
                return None
            kinds.append(f"{value.dtype.name}[{value.ndim}]")
        elif isinstance(value, bool):
            return None
        elif isinstance(value, int | np.int64):
            kinds.append("int64")
        elif isinstance(value, float):
            kinds.append("float64")
        else:
            return None
    return tuple(kinds)


def declared(kinds: Sequence[str]) -> list[str]:
    """Types of the parameters that a compiled function of such arguments has to declare."""
    declaration = ["ptr", "ptr"]  # where the result goes, and where an exception
    for kind in kinds:
        if kind in NUMBERS:
            declaration.append(NUMBERS[kind][0])
        else:
            # Owner, object, items, bytes an item, address; then the shape and the strides.
            n_dimensions = int(kind.partition("[")[2].rstrip("]"))
            declaration += ["ptr", "ptr", "i64", "i64", "ptr", *["i64"] * (2 * n_dimensions)]
    return declaration


class Code:
    """A compiled kernel, called by the addresses of its arguments.

    Parameters
    ----------
    stored
        Where the code is kept; held, because the function lives in it.
    address
        Of the function.
    kinds
        Types of its arguments.
    returns
        Types of the numbers it returns.
    """

    def __init__(
        self, stored: Any, address: int, kinds: Sequence[str], returns: Sequence[str]
    ) -> None:
        self._stored = stored
        c_types: dict[str, Any] = {"ptr": ctypes.c_void_p, **dict(NUMBERS.values())}
        # A call through CFUNCTYPE releases the interpreter lock.
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, *(c_types[t] for t in declared(kinds)))
        self._function = prototype(address)
        fields = [(f"value{k}", RETURNED[kind]) for k, kind in enumerate(returns)]
        self._result = type("Result", (ctypes.Structure,), {"_fields_": fields})
        self._fields = [name for name, _ in fields]

    def __call__(self, *args: Any) -> Any:
        """Run it; arrays are passed by address."""
        passed: list[Any] = []
        for value in args:
            if isinstance(value, np.ndarray):
                passed += [None, None, value.size, value.itemsize, value.ctypes.data]
                passed += [*value.shape, *value.strides]
            else:
                passed.append(value)
        result, exception = self._result(), ctypes.c_void_p()
        status = self._function(ctypes.addressof(result), ctypes.addressof(exception), *passed)
        if status not in FINE:
            raise ArgumentError(f"A compiled loop refuses its arguments (status {status}).")
        values = tuple(getattr(result, name) for name in self._fields)
        return values if len(values) > 1 else (values or (None,))[0]


def load(source: Path, name: str, kinds: Sequence[str]) -> Code | None:
    """Load the code of a kernel, or give None where there is none for this machine.

    Parameters
    ----------
    source
        The file in which the kernel is.
    name
        Its name.
    kinds
        Types of the arguments.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return None
    file = f"{name}-{_key(source.parent, name, tuple(kinds))}.code"
    for folder in _folders(source):
        try:
            stored = (folder / file).read_bytes()
        except OSError:
            continue
        return _opened(stored, kinds)
    return None


def _opened(stored: bytes, kinds: Sequence[str]) -> Code | None:
    from llvmlite import binding

    begin = len(MAGIC) + 64
    if stored[: len(MAGIC)] != MAGIC:
        return None
    if hashlib.sha256(stored[begin:]).hexdigest().encode() != stored[len(MAGIC) : begin]:
        return None
    head, _, code = stored[begin:].partition(b"\n")
    facts = json.loads(head)
    # Making the engine is what lets LLVM see the symbols of this process.
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _machine())
    if any(not binding.address_of_symbol(needed) for needed in facts["needs"]):
        return None
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(facts["name"])
    return Code(engine, address, kinds, facts["returns"]) if address else None


def keep(source: Path, name: str, kinds: Sequence[str], made: Translation) -> None:
    """Keep the code of a kernel for later processes, if it can run there."""
    from llvmlite import binding

    module = binding.parse_assembly(made.assembly)
    function = module.get_function(made.name)
    taken = [str(argument.type) for argument in function.arguments]
    outside = [f.name for f in module.functions if f.is_declaration]
    outside += [v.name for v in module.global_variables if v.is_declaration]
    needs = [symbol for symbol in outside if not symbol.startswith("llvm.")]
    # Symbols of the interpreter or of numba are not there, or mean other things, without numba.
    foreign = [symbol for symbol in needs if symbol.startswith(("Py", "_Py", "NRT", "numba"))]
    if taken != declared(kinds) or foreign or any(kind not in RETURNED for kind in made.returns):
        return
    facts = {"name": made.name, "needs": needs, "returns": made.returns}
    machine = _machine()
    body = json.dumps(facts).encode() + b"\n" + machine.emit_object(module)
    stored = MAGIC + hashlib.sha256(body).hexdigest().encode() + body
    for folder in _folders(source):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
            with os.fdopen(handle, "wb") as stream:
                stream.write(stored)
            Path(part).replace(folder / f"{name}-{_key(source.parent, name, tuple(kinds))}.code")
        except OSError:
            continue
        return


def _folders(source: Path) -> list[Path]:
    """Where code may be kept: beside the source, as numba does, else in the user's cache."""
    named = os.environ.get("TURNCOAT_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "turncoat"
    return [source.parent / "__pycache__", (Path(named) if named else base) / "code"]


@functools.cache
def _key(package: Path, name: str, kinds: tuple[str, ...]) -> str:
    """Digest of all that the code depends on."""
    return hashlib.sha256("\n".join([_state(package), name, *kinds]).encode()).hexdigest()[:20]


@functools.cache
def _state(package: Path) -> str:
    from llvmlite import binding

    digest = hashlib.sha256()
    for path in [
        Path(__file__),
        Path(__file__).with_name("kernel.py"),
        *sorted(package.glob("*.py")),
    ]:
        digest.update(path.read_bytes())
    for compiler in ("numba", "llvmlite"):
        digest.update(_version_of(compiler))
    digest.update(f"{binding.get_default_triple()} {binding.get_host_cpu_name()}".encode())
    digest.update(binding.get_host_cpu_features().flatten().encode())
    return digest.hexdigest()


def _version_of(package: str) -> bytes:
    """Give what a package's file of its version says, without loading package or metadata."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r}")
    start = Path(found.origin)
    stated = start.with_name("_version.py")
    return (stated if stated.is_file() else start).read_bytes()


@functools.cache
def _prepared() -> Any:
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple()


def _machine() -> Any:
    from llvmlite import binding

    return _prepared().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=3,
        jit=True,
        codemodel="jitdefault",
    )

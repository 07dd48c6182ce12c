"""The one use of the compiler: ``@kernel(reference=twin)``.

A kernel is a plain loop that numba compiles on its first call (so that importing turncoat
does not import numba), releases the interpreter lock, and is cached on disk. Its twin says
the same in plain NumPy; the tests hold every kernel against its twin. The code of kernels that
are called in nearly every run is kept so that it runs without numba (``ahead=True``).
"""

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar

from turncoat import machine_code

P = ParamSpec("P")
R = TypeVar("R")

KERNELS: "list[Kernel[..., Any]]" = []
# The reference of a kernel that only steers: its own statements, calling the others' twins.
AS_WRITTEN = None


@dataclass(eq=False)
class Kernel(Generic[P, R]):
    """A loop to be compiled, and its plain twin.

    Parameters
    ----------
    plain
        The loop as written, in the subset of Python that numba compiles.
    reference
        The twin: same arguments, same result.
    parallel
        Whether ``numba.prange`` loops may use several threads.
    allocates
        Whether it makes arrays. A kernel that does not is compiled without reference counts.
    ahead
        Whether its machine code is kept, to run without numba.
    """

    plain: Callable[P, R]
    reference: Callable[..., Any]
    parallel: bool = False
    allocates: bool = True
    ahead: bool = False
    _codes: dict[tuple[str, ...], Callable[..., Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        functools.update_wrapper(self, self.plain)
        KERNELS.append(self)

    @functools.cached_property
    def compiled(self) -> Callable[P, R]:
        """The numba function; compiled at its first call for each signature."""
        import numba

        # Kernels call kernels: numba must see their compiled form, not this wrapper.
        seen = _calling(self.plain, lambda called: called.compiled)
        # Without allocation there is nothing to count references of, which inner loops repay.
        counting = {} if self.allocates else {"_nrt": False}
        compiled: Callable[P, R] = numba.njit(
            nogil=True, cache=True, parallel=self.parallel, error_model="numpy", **counting
        )(seen)
        return compiled

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the compiled loop."""
        if self.ahead and not kwargs:
            kinds = machine_code.kinds_of(args)
            if kinds is not None:
                code: Callable[..., R] = self._codes.get(kinds) or self._code(kinds)
                return code(*args)
        try:
            return self.compiled(*args, **kwargs)
        except OSError:
            # numba has compiled it and could not cache it (a full disk): the code is there, in
            # memory, and serves from now on. Nothing else here touches a file.
            return self.compiled(*args, **kwargs)

    def _code(self, kinds: tuple[str, ...]) -> Callable[..., Any]:
        """Load the machine code for some types; where there is none, compile and keep it."""
        with _LOADING:
            if kinds not in self._codes:
                source = Path(self.plain.__code__.co_filename)
                name = self.plain.__name__
                code = machine_code.load(source, name, kinds)
                if code is None:
                    machine_code.keep(source, name, kinds, self._translated(kinds))
                    code = machine_code.load(source, name, kinds)
                self._codes[kinds] = code or self.compiled
            return self._codes[kinds]

    def _bare(self) -> Any:
        """Give the numba function without anything that the interpreter would need to call it."""
        import numba

        seen = _calling(self.plain, lambda called: called._bare())
        return numba.njit(
            nogil=True, error_model="numpy", _nrt=False,
            no_cpython_wrapper=True, no_cfunc_wrapper=True,
        )(seen)  # fmt: skip

    def _translated(self, kinds: tuple[str, ...]) -> machine_code.Translation:
        from numba import types

        def numba_type(kind: str) -> Any:
            name, _, n_dimensions = kind.rstrip("]").partition("[")
            scalar = getattr(types, name)
            return types.Array(scalar, int(n_dimensions), "C") if n_dimensions else scalar

        bare = self._bare()
        signature = tuple(numba_type(kind) for kind in kinds)
        bare.compile(signature)
        made = bare.overloads[signature]
        returned = made.signature.return_type
        several = [] if returned == types.none else [*getattr(returned, "types", [returned])]
        return machine_code.Translation(
            assembly=bare.inspect_llvm(signature),
            name=made.fndesc.llvm_func_name,
            returns=tuple(str(one) for one in several),
        )


_LOADING = threading.RLock()


def _calling(
    plain: Callable[..., Any], form: "Callable[[Kernel[..., Any]], Callable[..., Any]]"
) -> Callable[..., Any]:
    """Give a function that calls its kernels in another form."""
    called = {
        name: form(value)
        for name, value in plain.__globals__.items()
        if isinstance(value, Kernel) and name in plain.__code__.co_names
    }
    if not called:
        return plain
    seen = FunctionType(
        plain.__code__, {**plain.__globals__, **called}, plain.__name__, plain.__defaults__
    )
    seen.__module__, seen.__qualname__ = plain.__module__, plain.__qualname__
    return seen


def _as_written(plain: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plain)
    def run(*args: Any) -> Any:
        return _calling(plain, lambda called: called.reference)(*args)

    return run


def compile_address(function: Callable[..., Any], arguments: tuple[str, ...]) -> Any:
    """Compile a function that kernels take as an argument, whichever function it is.

    Parameters
    ----------
    function
        Plain function living in a file (numba caches only those) that returns nothing.
    arguments
        ``"real"``, ``"whole"``, ``"vector"`` or ``"matrix"``, one per parameter.

    Returns
    -------
    Any
        A numba function object of a type that depends on the arguments alone, so that a
        kernel is compiled once for all such functions.
    """
    import numba
    from numba import types

    kinds = {
        "real": types.float64,
        "whole": types.int64,
        "vector": types.float64[::1],
        "matrix": types.float64[:, ::1],
    }
    signature = types.void(*(kinds[argument] for argument in arguments))
    return numba.cfunc(signature, cache=True, error_model="numpy")(function)


def kernel(
    *,
    reference: Callable[..., Any] | None,
    parallel: bool = False,
    allocates: bool = True,
    ahead: bool = False,
) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Compile a loop on first use and tie it to its plain twin.

    Parameters
    ----------
    reference
        The NumPy twin, with the same parameters and the same result. :data:`AS_WRITTEN` for a
        kernel that only steers others: its twin runs the same statements in plain Python,
        calling the twins of the kernels that it uses.
    parallel
        Allow ``numba.prange``. Results must not depend on the number of threads.
    allocates
        False for a loop that makes no array (views and calls included): numba then counts no
        references, which matters in functions of well under a microsecond.
    ahead
        Keep the machine code so that a process that runs only such kernels never loads numba. For
        kernels that take arrays, ``int`` and ``float`` by position, make no array, and return
        whole or real numbers or nothing.

    Returns
    -------
    Callable
        A decorator that turns the loop into a :class:`Kernel`.

    Examples
    --------
    >>> import numpy as np
    >>> def total_reference(x):
    ...     return x.sum()
    >>> @kernel(reference=total_reference)
    ... def total(x):
    ...     s = 0.0
    ...     for v in x:
    ...         s += v
    ...     return s
    >>> total.reference(np.ones(3))
    np.float64(3.0)
    """

    def wrap(plain: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(plain, reference or _as_written(plain), parallel, allocates, ahead)

    return wrap

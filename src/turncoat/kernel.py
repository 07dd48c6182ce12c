"""The one use of the compiler: ``@kernel(reference=twin)``.

A kernel is a plain loop that numba compiles on its first call (so that importing turncoat
does not import numba), releases the interpreter lock, and is cached on disk. Its twin says
the same in plain NumPy; the tests hold every kernel against its twin.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar

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
    """

    plain: Callable[P, R]
    reference: Callable[..., Any]
    parallel: bool = False
    allocates: bool = True

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
        return self.compiled(*args, **kwargs)


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
        ``"real"``, ``"vector"`` or ``"matrix"``, one per parameter.

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
        "vector": types.float64[::1],
        "matrix": types.float64[:, ::1],
    }
    signature = types.void(*(kinds[argument] for argument in arguments))
    return numba.cfunc(signature, cache=True, error_model="numpy")(function)


def kernel(
    *, reference: Callable[..., Any] | None, parallel: bool = False, allocates: bool = True
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
        return Kernel(plain, reference or _as_written(plain), parallel, allocates)

    return wrap

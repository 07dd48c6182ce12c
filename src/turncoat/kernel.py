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
    """

    plain: Callable[P, R]
    reference: Callable[..., Any]
    parallel: bool = False

    def __post_init__(self) -> None:
        functools.update_wrapper(self, self.plain)
        KERNELS.append(self)

    @functools.cached_property
    def compiled(self) -> Callable[P, R]:
        """The numba function; compiled at its first call for each signature."""
        import numba

        # Kernels call kernels: numba must see their compiled form, not this wrapper.
        called = {
            name: value.compiled
            for name, value in self.plain.__globals__.items()
            if isinstance(value, Kernel) and name in self.plain.__code__.co_names
        }
        seen = self.plain
        if called:
            seen = FunctionType(
                self.plain.__code__, {**self.plain.__globals__, **called}, self.plain.__name__
            )
            seen.__module__, seen.__qualname__ = self.plain.__module__, self.plain.__qualname__
        compiled: Callable[P, R] = numba.njit(
            nogil=True, cache=True, parallel=self.parallel, error_model="numpy"
        )(seen)
        return compiled

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the compiled loop."""
        return self.compiled(*args, **kwargs)


def kernel(
    *, reference: Callable[..., Any], parallel: bool = False
) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Compile a loop on first use and tie it to its plain twin.

    Parameters
    ----------
    reference
        The NumPy twin, with the same parameters and the same result.
    parallel
        Allow ``numba.prange``. Results must not depend on the number of threads.

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
        return Kernel(plain, reference, parallel)

    return wrap

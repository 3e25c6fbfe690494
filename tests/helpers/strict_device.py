"""A stand-in for CuPy, to catch GPU mistakes where there is no GPU.

``DeviceArray`` holds a hidden host array and behaves like a CuPy array in what matters here: it
supports ``np.*`` functions, operators and methods, reductions give 0-d arrays, and it raises
TypeError if it is combined with a host array or silently converted to one. It is not a subclass of
ndarray, because np.asarray would accept that. ``DeviceArray.waits`` counts how often the host waits
for a value from the device (float, bool, item, get).

``pretend_gpu(monkeypatch)`` replaces the module ``cupy`` by it, so that ``tinyae.to_device(x,
"gpu")`` works.
"""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np

# Functions (not ufuncs) of NumPy that CuPy has too and that tinyae uses or might use.
# tests/test_strict_device.py compares this list with CuPy.
FUNCTIONS = frozenset(
    "zeros_like ones_like empty_like full_like where vdot dot tensordot einsum outer inner "
    "concatenate stack pad sum mean prod std var min max amin amax argmax argmin all any clip "
    "reshape ravel transpose moveaxis swapaxes expand_dims squeeze broadcast_to broadcast_arrays "
    "repeat tile roll flip take take_along_axis cumsum sort argsort unique diag diagonal trace "
    "tril triu count_nonzero nan_to_num copy copyto round norm svd qr solve inv "
    "sliding_window_view as_strided shape ndim size real partition imag isclose allclose "
    "array_equal rollaxis split array_split put_along_axis searchsorted partition".split()
)
METHODS = (
    "reshape ravel flatten transpose swapaxes squeeze astype copy conj sum mean prod std var min "
    "max argmin argmax all any clip dot cumsum take repeat round argsort diagonal trace".split()
)
ATTRIBUTES = "shape dtype ndim size itemsize nbytes strides flags".split()
HOST_SCALARS = (
    int,
    float,
    complex,
    bool,
    np.generic,
    str,
    bytes,
    slice,
    type,
    np.dtype,
    type(None),
    type(Ellipsis),
)


class DeviceArray(np.lib.mixins.NDArrayOperatorsMixin):
    __module__ = "cupy"  # this is how tinyae.backend recognizes a device array
    waits = 0

    def __init__(self, host):
        self._host = host

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method != "__call__" or kwargs.keys() - {"out", "dtype", "casting"}:
            return NotImplemented  # as in CuPy: no ufunc.reduce, no where=
        return _device(
            ufunc(*_hosts(inputs), **{key: _hosts(value) for key, value in kwargs.items()}),
            kwargs.get("out"),
        )

    def __array_function__(self, function, types, args, kwargs):
        if function.__name__ not in FUNCTIONS:
            raise TypeError(
                f"the stand-in for CuPy has no np.{function.__name__}: "
                "add it to FUNCTIONS if CuPy has it"
            )
        return _device(
            function(*_hosts(args), **{key: _hosts(value) for key, value in kwargs.items()}),
            kwargs.get("out"),
        )

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __getitem__(self, index):
        return _device(self._host[_hosts(index)])

    def __setitem__(self, index, value):
        self._host[_hosts(index)] = _hosts(value)

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        return (_device(row) for row in self._host)

    def get(self):
        DeviceArray.waits += 1
        return self._host.copy()

    def item(self, *index):
        DeviceArray.waits += 1
        return self._host.item(*index)

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __complex__(self):
        return complex(self.item())

    def __bool__(self):
        return bool(self.item())

    def __format__(self, spec):
        return format(self.item(), spec) if self.ndim == 0 else str(self)

    def __repr__(self):
        return f"DeviceArray({self._host!r})"

    def fill(self, value):
        self._host.fill(_hosts(value))


def _forward(name):
    def method(self, *args, **kwargs):
        return _device(
            getattr(self._host, name)(
                *_hosts(args), **{key: _hosts(value) for key, value in kwargs.items()}
            )
        )

    return method


for _name in METHODS:
    setattr(DeviceArray, _name, _forward(_name))
for _name in ATTRIBUTES:
    setattr(DeviceArray, _name, property(lambda self, name=_name: getattr(self._host, name)))
for _name in ("T", "real", "imag"):  # these are arrays too, and views
    setattr(
        DeviceArray, _name, property(lambda self, name=_name: _device(getattr(self._host, name)))
    )


def _hosts(value):
    """The same arguments with host arrays in place of device arrays. TypeError if there is a host
    array among them."""
    if isinstance(value, DeviceArray):
        return value._host
    if isinstance(value, tuple | list):
        return type(value)(_hosts(v) for v in value)
    if isinstance(value, HOST_SCALARS):
        return value
    raise TypeError(f"Unsupported type {type(value)}: a host array meets a device array")


def _device(result, out=None):
    """The result as device arrays, 0-d ones for scalars; ``out`` itself if the caller passed it."""
    if out is not None:
        return out[0] if isinstance(out, tuple) else out
    if isinstance(result, tuple | list):
        return type(result)(_device(r) for r in result)
    return (
        DeviceArray(np.asarray(result)) if isinstance(result, np.ndarray | np.generic) else result
    )


def asarray(x, dtype=None):
    """Host or device array, list or number -> device array: the only allowed way to the device."""
    return DeviceArray(np.array(x._host if isinstance(x, DeviceArray) else x, dtype))


def _as_strided(x, shape, strides):
    return DeviceArray(np.lib.stride_tricks.as_strided(x._host, shape, strides))


class ElementwiseKernel:
    """CuPy's, for bodies that are Python as well as C++."""

    def __init__(self, inputs, outputs, body, name):
        self.names = [part.split()[1] for part in f"{inputs}, {outputs}".split(", ")]
        self.outputs = [part.split()[1] for part in outputs.split(", ")]
        self.body = body

    def __call__(self, *args):
        values = dict(zip(self.names, map(_hosts, args), strict=True))
        dtypes = {value.dtype for value in values.values()}
        assert len(dtypes) == 1, f"T is one type, not {dtypes}"
        before = dict(values)
        exec(self.body, {"sqrt": np.sqrt}, values)
        for name in self.outputs:
            before[name][...] = values[name]  # in place, as on the device


def pretend_gpu(monkeypatch):
    """For one test, ``import cupy`` finds this stand-in, with a device that is available."""
    cupy = ModuleType("cupy")
    cupy.ndarray, cupy.asarray, cupy.array = DeviceArray, asarray, asarray
    cupy.arange = lambda *args, **kwargs: asarray(np.arange(*args, **kwargs))
    cupy.lib = SimpleNamespace(stride_tricks=SimpleNamespace(as_strided=_as_strided))
    cupy.ElementwiseKernel = ElementwiseKernel
    cupy.empty = lambda shape, dtype: asarray(np.empty(shape, dtype))
    cupy.cuda = SimpleNamespace(
        is_available=lambda: True, Device=lambda: SimpleNamespace(synchronize=lambda: None)
    )
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(DeviceArray, "waits", 0)
    return cupy

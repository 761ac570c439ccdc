"""The ctypes signatures against the headers that they repeat."""
import ctypes
import pathlib
import re

import pytest
from sparsetrain import _signatures

HEADERS = pathlib.Path(__file__).parents[2] / "runtime/include/sparsetrain/c"
STRUCTS = {"WeightsShape": "weights_shape", "LayerClass": "layer_class", "ConvShape": "conv_shape", "ConvScalars": "conv_scalars",
           "PoolWindow": "pool_window", "Normalisation": "normalisation", "Shape": "shape", "Run": "run"}
SCALARS = {"int32_t": ctypes.c_int32, "int": ctypes.c_int, "float": ctypes.c_float, "double": ctypes.c_double}


def headers():
    text = "\n".join(path.read_text() for path in sorted(HEADERS.glob("*.h")))
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def declaration(name):
    found = re.search(rf"SPARSETRAIN_C_API\s+([\w\s*]+?)\s*\bsparsetrain_{name}\(([^)]*)\)", headers())
    assert found, f"{name}: in no header"
    arguments = [] if found[2].strip() == "void" else [argument.strip() for argument in found[2].split(",")]
    return found[1].strip(), arguments


def expect_type(declared, given):
    """Pointers are addresses or pointers to our structs, and numbers those of C."""
    if "*" in declared or "parallel_for" in declared:
        pointee = getattr(given, "_type_", None)
        if isinstance(pointee, type) and issubclass(pointee, ctypes.Structure):
            assert f"sparsetrain_{STRUCTS[pointee.__name__]}*" in declared
        else:
            assert given in (ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p))
    else:
        assert SCALARS[declared.split()[0]] is given


@pytest.mark.parametrize("name", _signatures.CALLS)
def test_calls_are_as_declared(name):
    result, arguments = declaration(name)
    assert result == "sparsetrain_status"
    assert len(arguments) == len(_signatures.CALLS[name])
    for declared, given in zip(arguments, _signatures.CALLS[name]):
        expect_type(declared, given)


@pytest.mark.parametrize("name", _signatures.QUERIES)
def test_queries_are_as_declared(name):
    result, arguments = declaration(name)
    returned, *given = _signatures.QUERIES[name]
    assert {"const char*": ctypes.c_char_p, "int": ctypes.c_int, "int32_t": ctypes.c_int32, "size_t": ctypes.c_size_t,
            "void": None}[result] is returned
    assert len(arguments) == len(given)


@pytest.mark.parametrize("name", STRUCTS)
def test_structs_have_the_fields_of_the_headers(name):
    body = re.search(rf"typedef struct sparsetrain_{STRUCTS[name]} {{(.*?)}}", headers(), flags=re.DOTALL)[1]
    declared = [word.strip(" *") for line in body.split(";") if line.strip()
                for word in re.sub(r"^\s*(const )?\w+[\s*]+", "", line.strip()).split(",")]
    assert declared == [field[0] for field in getattr(_signatures, name)._fields_]

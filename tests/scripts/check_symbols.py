"""Checks the objects of the library's archives.

 1. Nothing defines or needs a Halide runtime symbol under its own name: the runtime is a private, renamed copy, so that
    a program's own Halide code cannot collide with it.
 2. Instructions of an instruction set are in objects for it alone, which their symbols tell: those that name one of its
    microarchitectures. Everything else runs on every CPU.
 3. No object with AVX code (AVX2 or AVX-512) defines a weak symbol: the linker may keep that copy of an inline function
    for the whole program, which then fails on a CPU without it.

Usage: check_symbols.py NM OBJDUMP AVX512_NAMES AVX2_NAMES archive...
NAMES are those of microarchitectures, with commas between them.
"""
import re
import subprocess
import sys

HALIDE_NAME = re.compile(r"^(_?halide_|_ZN6Halide7Runtime)")
WEAK = set("VWvwu")
AVX_INSTRUCTION = re.compile(r"\tv(?!er[rw]\b)\w")  # of any register's width: scalars, too, are encoded anew
AVX512_OPERAND = re.compile(r"%zmm|%[xyz]mm(1[6-9]|2\d|3[01])\b|%k[0-7]\b")


class Object:
    def __init__(self):
        self.symbols = []  # (name, type)
        self.has_avx = self.has_avx512 = False

    def is_for(self, names):
        """Whether a symbol that it defines has one of `names` as a word of its own."""
        word = re.compile(r"(?<![0-9a-z])(" + "|".join(names) + r")(?![0-9a-z])")
        return any(kind != "U" and word.search(name) for name, kind in self.symbols)


def lines_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def objects_of(nm, objdump, archive):
    """[(name, Object)]: names may come several times, but both tools show objects in the archive's order."""
    objects = []
    for line in lines_of(nm, "--extern-only", "--format=posix", archive):
        if line.endswith("]:"):
            objects.append((line[line.index("[") + 1:-2], Object()))
        else:
            objects[-1][1].symbols.append(tuple(line.split()[:2]))
    current = iter(objects)
    for line in lines_of(objdump, "-d", "--no-show-raw-insn", archive):
        if "file format" in line:
            name, disassembled = next(current)
            assert line.startswith(name + ":"), f"{archive}: expected the code of {name}, found {line}"
        elif AVX_INSTRUCTION.search(line):
            disassembled.has_avx = True
            disassembled.has_avx512 |= AVX512_OPERAND.search(line) is not None
    return objects


def problems_of(archive, objects, avx512_names, avx2_names):
    if not any(found.symbols for _, found in objects):
        yield f"{archive}: no symbols: nothing was checked"
    for name, found in objects:
        for symbol, kind in found.symbols:
            if HALIDE_NAME.match(symbol):
                yield f"{archive}({name}) {'needs' if kind == 'U' else 'defines'} the Halide symbol {symbol}"
            elif kind in WEAK and found.has_avx:
                yield f"{archive}({name}) has AVX code and the weak symbol {symbol}"
        if found.has_avx512 and not found.is_for(avx512_names):
            yield f"{archive}({name}) has AVX-512 code, but is not for AVX-512"
        elif found.has_avx and not found.is_for(avx512_names + avx2_names):
            yield f"{archive}({name}) has AVX code, but is not for AVX"


def main():
    nm, objdump, avx512_names, avx2_names, *archives = sys.argv[1:]
    problems = [problem for archive in archives
                for problem in problems_of(archive, objects_of(nm, objdump, archive), avx512_names.split(","),
                                           avx2_names.split(","))]
    print("\n".join(problems) or f"{len(archives)} archives are clean")
    return 1 if problems or not archives else 0


if __name__ == "__main__":
    sys.exit(main())

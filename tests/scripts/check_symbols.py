"""Checks the symbols of the library's archives.

 1. Nothing defines or needs a Halide runtime symbol under its own name: the runtime is a private, renamed copy, so that
    a program's own Halide code cannot collide with it.
 2. No object with AVX code (AVX2 or AVX-512) defines a weak symbol: the linker may keep that copy of an inline function
    for the whole program, which then fails on a CPU without it.

Usage: check_symbols.py NM OBJDUMP archive...
"""
import re
import subprocess
import sys

HALIDE_NAME = re.compile(r"^(_?halide_|_ZN6Halide7Runtime)")
WEAK = set("VWvwu")
AVX_INSTRUCTION = re.compile(r"\tv(?!er[rw]\b)\w")  # of any register's width: scalars, too, are encoded anew


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbols_of(nm, archive):
    """Yields (member, name, type) of every external symbol, defined or not."""
    for line in output_of(nm, "--extern-only", "--format=posix", "-A", archive).splitlines():
        where, rest = line.split(": ", 1)
        name, kind = rest.split()[:2]
        yield where[where.index("[") + 1:-1], name, kind


def members_with_avx(objdump, archive):
    members, current = set(), None
    for line in output_of(objdump, "-d", "--no-show-raw-insn", archive).splitlines():
        if "file format" in line:
            current = line.split(":")[0]
        elif AVX_INSTRUCTION.search(line):
            members.add(current)
    return members


def problems_of(nm, objdump, archive):
    symbols = list(symbols_of(nm, archive))
    if not symbols:
        yield f"{archive}: no symbols: nothing was checked"
    for member, name, kind in symbols:
        if HALIDE_NAME.match(name):
            verb = "needs" if kind == "U" else "defines"
            yield f"{archive}({member}) {verb} the Halide symbol {name}"
    weak = [(member, name) for member, name, kind in symbols if kind in WEAK]
    if weak:
        wide = members_with_avx(objdump, archive)
        for member, name in weak:
            if member in wide:
                yield f"{archive}({member}) has AVX code and the weak symbol {name}"


def main():
    nm, objdump, *archives = sys.argv[1:]
    problems = [p for archive in archives for p in problems_of(nm, objdump, archive)]
    print("\n".join(problems) or f"{len(archives)} archives are clean")
    return 1 if problems or not archives else 0


if __name__ == "__main__":
    sys.exit(main())

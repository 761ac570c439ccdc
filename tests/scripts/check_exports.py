"""Checks what files show to others: a shared library what it exports, an archive what would be exported by whatever links it,
which are its global definitions that are not hidden.

Usage: check_exports.py OBJDUMP ALLOWED file...
ALLOWED is a regular expression for names as the linker knows them.
"""
import re
import subprocess
import sys

# Value; flags (g: global, u: unique, w: weak); section; size; of shared libraries, the version; visibility; name.
DEFINITION = re.compile(r"[0-9a-f]{16} (?P<flags>.{7}) (?!\*UND\*)\S+\t[0-9a-f]{16} +(?P<rest>.*)")


def exports_of(objdump, file):
    table = "--syms" if file.endswith(".a") else "--dynamic-syms"
    output = subprocess.run([objdump, table, file], check=True, capture_output=True, text=True).stdout
    found = filter(None, map(DEFINITION.fullmatch, output.splitlines()))
    return {match["rest"].split()[-1] for match in found
            if set(match["flags"]) & set("guw") and not set(match["rest"].split()) & {".hidden", ".internal"}}


def main():
    objdump, allowed, *files = sys.argv[1:]
    problems = [f"{file} exports {name}" for file in files for name in sorted(exports_of(objdump, file))
                if not re.fullmatch(allowed, name)]
    print("\n".join(problems) or f"{len(files)} files export nothing else")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())

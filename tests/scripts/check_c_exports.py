"""Checks that a shared library exports the functions that headers of the C interface declare, and nothing else.

Usage: check_c_exports.py NM library header...
"""
import re
import subprocess
import sys
from pathlib import Path

DECLARATION = re.compile(r"^SPARSETRAIN_C_API\s[^;(]*?\b(\w+)\(", re.MULTILINE)


def declared_in(headers):
    return {name for header in headers for name in DECLARATION.findall(Path(header).read_text())}


def exported_by(nm, library):
    command = [nm, "--dynamic", "--defined-only", "--format=posix", library]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in output.splitlines()}


def main():
    nm, library, *headers = sys.argv[1:]
    declared, exported = declared_in(headers), exported_by(nm, library)
    problems = [f"exported, but not declared: {name}" for name in sorted(exported - declared)]
    problems += [f"declared, but not exported: {name}" for name in sorted(declared - exported)]
    print("\n".join(problems) or f"{len(declared)} functions, as declared")
    return 1 if problems or not declared else 0


if __name__ == "__main__":
    sys.exit(main())

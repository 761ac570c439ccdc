"""Checks that the Python package is built with the versions that every build has: those of requirements.txt.

Usage: check_pyproject.py pyproject.toml requirements.txt
"""
import pathlib
import sys
import tomllib


def main():
    project, requirements = (pathlib.Path(path).read_text() for path in sys.argv[1:])
    lines = [line for line in requirements.splitlines() if line and not line.startswith("#")]
    wanted = tomllib.loads(project)["build-system"]["requires"]
    problems = [f"pyproject.toml: expected {line} in build-system.requires, given {wanted}" for line in lines
                if line not in wanted]
    print("\n".join(problems) or f"{len(lines)} versions agree")
    return 1 if problems or not lines else 0


if __name__ == "__main__":
    sys.exit(main())

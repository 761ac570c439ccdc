"""Checks that a document shows the example that is compiled: the text between the two marker comments of the example is
one of the document's ```c, ```cpp or ```cmake blocks, character by character.

Usage: check_readme_example.py document.md example
"""
import pathlib
import re
import sys

MARKED = re.compile(r"^(?://|#|/\*) (?:README|docs) begin(?: \*/)?\n(.*?)^(?://|#|/\*) (?:README|docs) end(?: \*/)?$",
                    re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```(?:c|cpp|cmake)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def main():
    readme, example = (pathlib.Path(path) for path in sys.argv[1:])
    marked = MARKED.findall(example.read_text())
    if len(marked) != 1:
        return f"{example}: expected one 'README begin' ... 'README end' or 'docs begin' ... 'docs end', found {len(marked)}"
    if marked[0] not in BLOCK.findall(readme.read_text()):
        return f"{readme}: no block is identical to the marked part of {example}; expected:\n{marked[0]}"
    print(f"{readme.name} shows {example.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Checks, in ninja's graph, that to edit one generator compiles its own pipelines again and no others: every pipeline is made
from the source of one generator.

Usage: check_rebuilds.py NINJA BUILD_DIR generator.cpp...
"""
import os
import re
import subprocess
import sys


def ninja_says(ninja, build_dir, *tool):
    return subprocess.run([ninja, "-C", build_dir, "-t", *tool], check=True, capture_output=True, text=True).stdout


def inputs_of(ninja, build_dir, files):
    """{file: those whose change makes it anew}. What ninja lists with || only comes earlier."""
    inputs = {}
    for line in ninja_says(ninja, build_dir, "query", *files).splitlines():
        if not line.startswith(" "):
            listed = inputs.setdefault(line.removesuffix(":"), [])
            is_input = False
        elif line.startswith("  ") and not line.startswith("    "):
            is_input = line.startswith("  input:")
        elif is_input and not line.startswith("    || "):
            listed.append(line.removeprefix("    ").removeprefix("| "))
    return inputs


def graph_above(ninja, build_dir, files):
    graph, found = {}, set(files)
    while found:
        graph |= inputs_of(ninja, build_dir, found)
        found = {file for listed in graph.values() for file in listed} - graph.keys()
    return graph


def sources_of(file, graph, sources):
    above = {file}
    while more := {found for known in above for found in graph[known]} - above:
        above |= more
    return above & sources


def main():
    ninja, build_dir, *sources = sys.argv[1:]
    targets = ninja_says(ninja, build_dir, "targets", "all")
    pipelines = sorted(re.findall(r"^(pipelines/.*\.private\.o):", targets, re.MULTILINE))
    graph = graph_above(ninja, build_dir, pipelines)
    made_from = {pipeline: sources_of(pipeline, graph, set(sources)) for pipeline in pipelines}
    problems = [f"{pipeline}: expected one generator, given {', '.join(map(os.path.basename, sorted(found))) or 'none'}"
                for pipeline, found in made_from.items() if len(found) != 1]
    print("\n".join(problems) or f"{len(pipelines)} pipelines of {len(sources)} generators")
    return 1 if problems or not pipelines else 0


if __name__ == "__main__":
    sys.exit(main())

"""Tests that whatever is wrong with a file that bench-table or evaluate reads is one line that names it, and no traceback.

Usage: damaged_files_test.py scripts/bench-table scripts/evaluate bench tests/bench/tiny_network.metrics
"""
import contextlib
import copy
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest

sys.path.insert(0, sys.argv.pop(3))
from evaluation import compare, document, metrics, projection, report
from evaluation.evaluation import read_evaluation
from evaluation.program import Failure
from evaluation_documents import document as evaluation_document
from evaluation_documents import every_pass, network

BENCH_TABLE, EVALUATE, METRICS = (pathlib.Path(sys.argv.pop(1)) for _ in range(3))
DEEP = "[" * 100000
WRONG = (None, True, [], {}, [[]], "", "x", "a\nb", "\ud800", "9" * 400, -1, 0, 0.5, 1e308, -1e308, 10**400, float("nan"),
         float("inf"))


def places(value, path=()):
    """Of every value of a document, the document itself included."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def at(value, path):
    for key in path:
        value = value[key]
    return value


def damaged(valid):
    """Copies of a document with one value replaced, removed, or under another name."""
    for place in places(valid):
        for wrong in WRONG:
            if not place:
                yield wrong
                continue
            own = copy.deepcopy(valid)
            at(own, place[:-1])[place[-1]] = wrong
            yield own
        if place:
            own = copy.deepcopy(valid)
            del at(own, place[:-1])[place[-1]]
            yield own
        if place and isinstance(place[-1], str):
            own = copy.deepcopy(valid)
            inside = at(own, place[:-1])
            inside["\n"] = inside.pop(place[-1])
            yield own


def conv_bench_document():
    run = {"run_type": "iteration", "cpu_time": 4.0, "real_time": 4.0, "time_unit": "ms", "FLOPS": 1e9}
    names = [f"conv/fwd/a/z{percent}/{name}" for percent in (0, 50) for name in ("onednn", "auto")]
    failed = {"name": names[0], "error_occurred": True, "error_message": "mistrusted"}
    return {"context": {"threads": "1", "time": "cpu_time", "batch": "4"},
            "benchmarks": [{"name": name, **run} for name in ("peak/fma", *names)] + [failed]}


def small_evaluation():
    layers = {"a": every_pass(auto={0: 8, 50: 4}, dense=9.0), "b": every_pass(auto={0: 8})}
    for layer in layers.values():
        layer["bwd_data"]["auto_masked"] = layer["bwd_data"]["auto"]
    return evaluation_document(layers, [network(("one", "a", [50, 60], [0, 0]), ("two", "b", [0, 1], [2, 3]))])


def load_bench_table():
    loader = importlib.machinery.SourceFileLoader("bench_table", str(BENCH_TABLE))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_table", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


class Files(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.path = self.directory / "file"


class DamagedDocuments(Files):
    """In this process, as there are thousands of them."""

    def refuses(self, text, use):
        """Whether use() of a file with the text does; anything but a Failure that names the file in one line fails the test."""
        self.path.write_text(text, encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                use(self.path)
            except Failure as failure:
                self.assertIn(str(self.path), str(failure))
                self.assertTrue(str(failure).isprintable(), repr(str(failure)))  # a line's end is not
                return True
            except Exception as error:
                raise AssertionError(text[:2000]) from error
        return False

    def expect_refusals(self, least, valid, use, to_text=json.dumps):
        """Of at least so many of the damaged documents, but not of the valid one."""
        self.assertFalse(self.refuses(to_text(valid), use))
        self.assertGreater(sum(self.refuses(to_text(own), use) for own in damaged(valid)), least)

    def test_of_conv_bench(self):
        table = load_bench_table()
        self.expect_refusals(300, conv_bench_document(), lambda path: table.print_tables(
            types.SimpleNamespace(files=[str(path)], passes=None, markdown=False, scaling=False)))

    def test_of_conv_bench_with_more_threads(self):
        table = load_bench_table()
        one, two = self.directory / "one", conv_bench_document()
        one.write_text(json.dumps(conv_bench_document()))
        two["context"]["threads"] = "2"
        self.expect_refusals(250, two, lambda path: table.print_tables(
            types.SimpleNamespace(files=[str(one), str(path)], passes=None, markdown=False, scaling=True)))

    def test_of_evaluate(self):
        self.expect_refusals(1000, small_evaluation(), self.use_evaluation)

    @staticmethod
    def use_evaluation(path):
        """All of a report but its figures."""
        own = read_evaluation(path)
        own.check_complete()
        projections = [projection.Projection(own, one) for one in own.networks]
        sections = (report.headline(own, projections), report.pass_section(projections), report.curve_section(own),
                    report.layer_section(projections), report.zeros_section(own), report.peak_section(own, projections),
                    report.dense_wins_section(projections), report.machine_section(own))
        document.to_markdown([block for section in sections for block in section]).encode()

    def test_of_evaluate_to_compare(self):
        old = self.directory / "old"
        old.write_text(json.dumps(small_evaluation()))
        self.expect_refusals(1000, small_evaluation(), lambda path: compare.print_comparison(
            read_evaluation(old), read_evaluation(path), 0.05))

    def test_of_train(self):
        def to_lines(records):
            return "\n".join(map(json.dumps, records)) if isinstance(records, list) else json.dumps(records)
        records = [json.loads(line) for line in METRICS.read_text().splitlines()]
        self.expect_refusals(500, records, lambda path: metrics.network_of_metrics(path, self.directory / "layers.txt"),
                             to_lines)


class WrongFiles(Files):
    """Of every program and option that reads a file."""

    def readers(self):
        good = self.directory / "good.json"
        good.write_text(json.dumps(small_evaluation()))
        return ([BENCH_TABLE, self.path], [BENCH_TABLE, "--scaling", self.path, self.path],
                [EVALUATE, "--report", self.path], [EVALUATE, "--compare", good, self.path],
                [EVALUATE, "--compare", self.path, good],
                [EVALUATE, "--profile", self.path, "--out", self.directory / "out"])

    def assert_refused_by_all(self, expected):
        for arguments in self.readers():
            with self.subTest(arguments):
                result = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False)
                self.assertEqual((result.returncode, result.stdout), (1, ""), result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertIn(f"{self.path}: {expected}", result.stderr)

    def test_folder(self):
        self.path.mkdir()
        self.assert_refused_by_all("expected a readable file: Is a directory")

    def test_nothing(self):
        self.assert_refused_by_all("expected a readable file: No such file or directory")

    def test_no_text(self):
        self.path.write_bytes(b"\x7fELF\xff\xfe")
        self.assert_refused_by_all("expected ")

    def test_nested_without_an_end(self):
        self.path.write_text(DEEP)
        self.assert_refused_by_all("expected ")

    def test_cut_off(self):
        for valid in (small_evaluation(), conv_bench_document()):
            whole = json.dumps(valid)
            self.path.write_text(whole[:len(whole) // 2])
            self.assert_refused_by_all("expected ")


class Output(Files):
    def expect(self, expected, redirection):
        self.path.write_text(json.dumps({**conv_bench_document(), "benchmarks": conv_bench_document()["benchmarks"][:-1]}))
        evaluation = self.directory / "evaluation.json"
        evaluation.write_text(json.dumps(small_evaluation()))
        for name, arguments in (("bench-table", f"'{BENCH_TABLE}' '{self.path}'"),
                                ("evaluate", f"'{EVALUATE}' --compare '{evaluation}' '{evaluation}'")):
            program = f"{{ sleep 0.3; '{sys.executable}' {arguments}; echo \"code $?\" >&2; }} {redirection}"
            result = subprocess.run(["bash", "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                    check=True)
            self.assertEqual(result.stderr, f"{name}: standard output: {expected}\ncode 1\n")

    def test_to_a_closed_pipe(self):
        self.expect("Broken pipe", "| true")

    def test_to_nowhere(self):
        self.expect("expected to be open", ">&-")

    def test_to_a_full_device(self):
        self.expect("No space left on device", ">/dev/full")

    def test_that_cannot_be_made(self):
        """A report beside a file whose folder has, where a figure belongs, a folder."""
        file = self.directory / "evaluation.json"
        file.write_text(json.dumps(small_evaluation()))
        os.mkdir(self.directory / "report.md")
        result = subprocess.run([sys.executable, EVALUATE, "--report", str(file)], capture_output=True, text=True, check=False)
        self.assertEqual(result.stderr, f"evaluate: {self.directory / 'report.md'}: Is a directory\n")
        self.assertEqual(result.returncode, 1)


if __name__ == "__main__":
    unittest.main()

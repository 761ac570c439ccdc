"""Tests of scripts/evaluate as a program, with a conv_bench that only claims to have measured.

Usage: evaluate_test.py scripts/evaluate tests/bench/fake_conv_bench.py
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from evaluation_documents import document, every_pass, network

SCRIPT, FAKE = sys.argv.pop(1), sys.argv.pop(1)


class Evaluate(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.out = self.directory / "out"
        self.conv_bench = self.directory / "conv_bench"
        shutil.copy(FAKE, self.conv_bench)

    def run_script(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False)

    def measure(self, *arguments):
        return self.run_script("--conv-bench", self.conv_bench, "--out", self.out, *arguments)

    def calls(self):
        """What conv_bench was asked for since the last time."""
        file = self.directory / "calls.txt"
        calls = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return calls

    def evaluation(self):
        return json.loads((self.out / "evaluation.json").read_text())

    def succeed(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def assert_refused(self, expected, result, code=1):
        self.assertEqual(result.returncode, code)
        self.assertIn(expected, result.stderr)

    def test_measures_and_projects_a_network(self):
        text = self.succeed(self.measure("--networks", "vgg16"))
        self.assertEqual(len(self.calls()), 2 + 3 * 8)
        self.assertRegex(text, r"VGG16: \d\.\d\dx over oneDNN direct, \d\.\d\dx over the best dense peers")
        found = self.evaluation()
        self.assertEqual([own["name"] for own in found["networks"]], ["vgg16"])
        layer = found["layers"]["vgg3_2"]
        self.assertEqual((layer["batch"], layer["flops"]), (16, 2 * 16 * 256 * 256 * 9 * 56 * 56))
        self.assertEqual({name: list(times) for name, times in layer["times_ms"]["bwd_data"].items()}, {
            "auto": ["0", "30", "50", "70", "80", "90", "95"], "dense": ["0", "30", "50", "70", "80", "90", "95"],
            "auto_masked": ["0", "30", "50", "70", "80", "90", "95"], "onednn": ["0", "30", "50", "70", "80", "90", "95"],
            "onednn_winograd": ["0", "30", "50", "70", "80", "90", "95"], "zero_skip": ["0", "30", "50"],
            "output_mask": ["0", "30", "50"], "im2col": ["50"]})
        self.assertEqual(len(layer["times_ms"]["fwd"]["auto"]["30"]), 5)
        self.assertEqual(found["machine"]["batch"], "16")

    def test_report_has_every_section_and_needs_no_other_file(self):
        self.succeed(self.measure("--quick"))
        markdown, page = ((self.out / name).read_text() for name in ("report.md", "report.html"))
        for expected in ("VGG16", "ResNet-34", "ResNet-50", "2.19x", "1.37x", "1.31x", "Our goal", "This is a quick run",
                         "batch 4", "## Speed over zeros", "## Zeros over training", "## Share of the FMA peak",
                         "## Where a dense peer wins", "oneDNN Winograd", "OpenBLAS 0.3", "arXiv 1911.10175"):
            self.assertIn(expected.lower(), markdown.lower())
            self.assertIn(expected.removeprefix("## ").lower(), page.lower())
        for figure in re.findall(r"!\[.*\]\((.*)\)", markdown):
            self.assertGreater((self.out / figure).stat().st_size, 10000, figure)
        self.assertEqual(page.count("data:image/png;base64,"), len(re.findall(r"!\[", markdown)))
        self.assertEqual(len(re.findall(r"!\[", markdown)), 1 + 3 + 3 + 1 + 1)
        self.assertNotRegex(page, r"https?://|src=\"(?!data:)")

    def test_report_of_a_small_evaluation_is_made_anew(self):
        self.out.mkdir()
        file = self.out / "evaluation.json"
        layers = {"vgg1_2": every_pass(auto={0: 9, 50: 4}, onednn_winograd=5.0), "odd": every_pass(auto={0: 8, 50: 2})}
        for layer in layers.values():
            layer["bwd_data"]["auto_masked"] = layer["bwd_data"]["auto"]
        file.write_text(json.dumps(document(layers, [
            network(("a", "vgg1_2", [50, 25], [0, 0]), ("b", "odd", [50, 50], [50, 0]), title="My <net>")])))
        self.succeed(self.run_script("--report", file))
        markdown = (self.out / "report.md").read_text()
        # a: auto at 50 and 25 % takes 4 and 6.5 ms, by the mask in bwd_data; b always 2 ms. Direct: 48 / (3 * 5.25 + 3 * 2).
        # Dense: Winograd for a. The paper's bwd_data takes 9 ms in a, 8 and 2 in b.
        self.assertIn("| My <net> | **2.21x** | 1.79x | 1.68x |", markdown)
        self.assertIn("In 3 of 6 layers and passes".lower(), markdown.lower())
        page = (self.out / "report.html").read_text()
        self.assertIn("My &lt;net&gt;", page)
        self.assertIn("Test CPU &lt;1&gt;", page)

    def test_interrupt_leaves_what_is_finished(self):
        (self.directory / "hang_at").write_text("conv/fwd/vgg2_1/z50/auto")
        arguments = ["--conv-bench", self.conv_bench, "--out", self.out, "--networks", "vgg16", "--quick"]
        with subprocess.Popen([sys.executable, SCRIPT, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, start_new_session=True) as process:
            calls = self.directory / "calls.txt"
            while not (calls.exists() and len(calls.read_text().splitlines()) == 6):
                self.assertIsNone(process.poll())
                time.sleep(0.02)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            self.assertIn("interrupted; the same command goes on from here", process.communicate()[1])
        self.assertEqual(process.returncode, 130)
        (self.directory / "hang_at").unlink()
        self.assertIn("4 of 25 measurements are there already", self.succeed(self.measure(*arguments[4:])))

    def test_goes_on_where_it_failed(self):
        (self.directory / "fail_at").write_text("conv/bwd_data/vgg2_2/z50/auto")
        result = self.measure("--networks", "vgg16", "--quick")
        self.assert_refused("mistrusted: expected 1", result)
        self.assertEqual(len(self.calls()), 2 + 3 + 3 + 2)
        self.assertFalse((self.out / "evaluation.json").exists())
        (self.directory / "fail_at").unlink()
        text = self.succeed(self.measure("--networks", "vgg16", "--quick"))
        self.assertEqual(len(self.calls()), 1 + 25 - 8)
        self.assertIn("8 of 25 measurements are there already", text)
        self.succeed(self.measure("--networks", "vgg16", "--quick"))
        self.assertEqual(self.calls(), ["^peak/fma$"])  # only to see what would run
        (self.out / "measurements/fwd_vgg1_2.json").write_text("{")
        self.succeed(self.measure("--networks", "vgg16", "--quick"))
        self.assertEqual(len(self.calls()), 2)

    def test_measures_anew_what_is_damaged(self):
        self.succeed(self.measure("--networks", "vgg16", "--quick"))
        self.calls()
        files = sorted((self.out / "measurements").glob("fwd_*.json"))
        whole = [file.read_text() for file in files]
        damages = (lambda text: text[:len(text) // 2], lambda text: text.replace("10.0", "NaN"), lambda _: "\x00",
                   lambda text: text.replace('"name"', '"nom"'), lambda text: text.replace('"settings"', '"set"'), lambda _: "[]")
        for file, text, damage in zip(files, whole, damages):
            file.write_text(damage(text))
        self.succeed(self.measure("--networks", "vgg16", "--quick"))
        self.assertEqual(len(self.calls()), 1 + len(damages))
        self.assertEqual([file.read_text() for file in files], whole)

    def test_refuses_a_conv_bench_that_is_none(self):
        measured = self.out / "measurements/unfinished.json"
        (self.out / "measurements").mkdir(parents=True)
        for program, expected in (
                ("#!/bin/true", f"{measured}: expected a readable file: No such file or directory"),
                ("#!/bin/false", "failed with exit code 1"),
                ("#!/bin/sh\nprintf '\\377'; exit 1", "failed with exit code 1"),
                ("", f"{self.conv_bench}: Exec format error"),
                ("#!/no/such/shell", f"{self.conv_bench}: No such file or directory"),
                (f"#!/bin/sh\necho '{{}}' >'{measured}'", f"{measured}: expected what conv_bench writes")):
            measured.write_text("of an earlier run")
            self.conv_bench.write_text(program)
            result = self.measure("--quick")
            self.assert_refused(f"evaluate: {expected}" if expected[0] == "/" else expected, result)
            self.assertNotIn("Traceback", result.stderr)
        self.out = self.conv_bench
        self.assert_refused(f"evaluate: {self.out}/measurements: Not a directory\n", self.measure("--quick"))

    def test_measures_anew_what_something_else_has_measured(self):
        self.succeed(self.measure("--networks", "vgg16", "--quick"))
        self.assertEqual(len(self.calls()), 26)
        self.succeed(self.measure("--networks", "vgg16", "--quick", "--threads", "2"))
        self.assertEqual(len(self.calls()), 26)
        self.conv_bench.write_text(self.conv_bench.read_text().replace("2.6.3", "2.6.4"))
        self.succeed(self.measure("--networks", "vgg16", "--quick", "--threads", "2"))
        self.assertEqual(len(self.calls()), 26)

    def test_compares_evaluations(self):
        old, new = self.directory / "old.json", self.directory / "new.json"
        old.write_text(json.dumps(document({"a": every_pass(auto={0: 8, 50: 4})})))
        new.write_text(json.dumps(document({"a": every_pass(auto={0: 9, 50: 4.5})})))
        self.assertIn("nothing fell", self.succeed(self.run_script("--compare", old, old)))
        result = self.run_script("--compare", old, new)
        self.assertEqual(result.returncode, 1)
        self.assertIn("slower: auto in bwd_weights of a: 0.889, at least 0.950 expected", result.stdout)
        self.succeed(self.run_script("--compare", old, new, "--noise", "0.2"))

    def test_refuses_bad_input(self):
        self.assert_refused("expected names of vgg16, resnet34, resnet50, separated by commas, found 'alexnet'",
                            self.measure("--networks", "vgg16,alexnet"), 2)
        self.assert_refused("not allowed with argument", self.measure("--networks", "vgg16", "--profile", "a"), 2)
        self.assert_refused("expected a number of at least 1, found '0'", self.measure("--threads", "0"), 2)
        self.assert_refused("expected a number from 0 to below 1, found 'much'", self.measure("--noise", "much"), 2)
        missing = self.directory / "missing"
        self.assert_refused(f"evaluate: {missing}: expected conv_bench, found no file",
                            self.run_script("--conv-bench", missing, "--out", self.out))
        self.assert_refused(f"evaluate: {missing}: expected a readable file", self.run_script("--report", missing))
        self.assert_refused(f"evaluate: {missing}: expected a readable file", self.measure("--profile", missing))
        bad = self.directory / "bad.json"
        for content in ("[]", "{}", '{"format": 2}'):
            bad.write_text(content)
            self.assert_refused(f"evaluate: {bad}: expected an evaluation.json of scripts/evaluate",
                                self.run_script("--report", bad))
        layers = {"a": every_pass(auto={0: 8, 50: 4})}
        bad.write_text(json.dumps(document(layers)))
        self.assert_refused(f"evaluate: {bad}: expected at least one network, found none", self.run_script("--report", bad))
        for convolution, expected in (
                (("c", "b", [0], [0]), "convolution c of tiny: expected one of the layers, found b"),
                (("c", "a", [0, 0], [0]), "convolution c of tiny: expected 2 values of src and of diff_dst, found 2 and 1"),
                (("c", "a", [0], [0]), "expected times of auto_masked in bwd_data of a, found none")):
            bad.write_text(json.dumps(document(layers, [network(convolution)])))
            self.assert_refused(f"evaluate: {bad}: {expected}", self.run_script("--report", bad))
        layers["a"]["fwd"]["auto"].pop("50")
        bad.write_text(json.dumps(document(layers, [network(("c", "a", [0], [0]))])))
        self.assert_refused(f"evaluate: {bad}: expected times of auto in fwd of a at all percents of onednn, found none at 50 %",
                            self.run_script("--report", bad))


if __name__ == "__main__":
    unittest.main()

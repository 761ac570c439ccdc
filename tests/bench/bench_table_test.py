"""Tests of scripts/bench-table with small reports.

Usage: bench_table_test.py scripts/bench-table bench/layers.txt
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SCRIPT, LAYERS = sys.argv.pop(1), sys.argv.pop(1)


def runs(name, cpu_times, flops=0.0, real_times=None):
    """One benchmark's rounds; wall time is ten times the CPU's unless given."""
    return [{"name": name, "run_type": "iteration", "cpu_time": cpu, "real_time": real, "time_unit": "ms",
             "FLOPS": flops}
            for cpu, real in zip(cpu_times, real_times or [10 * time for time in cpu_times])]


def report(benchmarks, threads="1", time="cpu_time", batch="as listed"):
    return {"context": {"threads": threads, "time": time, "batch": batch}, "benchmarks": benchmarks}


def group(layer, percent, peer, **others):
    """A group of fwd, in which onednn reaches 100 GFLOP/s."""
    benchmarks = runs(f"conv/fwd/{layer}/z{percent}/onednn", peer, 100e9)
    for name, times in others.items():
        benchmarks += runs(f"conv/fwd/{layer}/z{percent}/{name}", times)
    return benchmarks


class BenchTable(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def file(self, name, content):
        path = pathlib.Path(self.directory.name) / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def run_script(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)

    def tables(self, *arguments):
        """Title: rows, of the tables that the script prints; fails if it did not succeed."""
        result = self.run_script(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        tables = {}
        for block in result.stdout.strip().split("\n\n"):
            title, *rows = block.splitlines()
            tables[title] = [" ".join(row.split()) for row in rows]
        return tables

    def assert_refused(self, expected, *arguments):
        result = self.run_script(*arguments)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertEqual(result.stderr, f"bench-table: {expected}\n")

    @staticmethod
    def title(conv_pass, implementation, layer_class="other layers"):
        return (f"{conv_pass}, {layer_class}, {implementation}: speed over onednn by zeros "
                "(cpu_time, threads 1, batch as listed)")

    def test_divides_medians_and_adds_peers_and_means(self):
        path = self.file("a.json", report(
            group("b", 0, [4, 8, 6], zero_skip=[6, 6, 6], im2col=[12, 12, 12], onednn_winograd=[2, 3, 3],
                  dense=[6, 5, 7])
            + group("b", 50, [6, 6, 6], zero_skip=[3, 3, 2.5], im2col=[12, 12, 12], onednn_winograd=[3, 3, 3],
                    dense=[6, 6, 6])
            + group("a", 50, [8, 8, 8], zero_skip=[1, 1, 1], im2col=[16, 16, 16])))
        self.assertEqual(self.tables(path), {
            "fwd, other layers, zero_skip: speed over onednn by zeros (cpu_time, threads 1, batch as listed)": [
                "layer onednn GFLOP/s onednn_winograd im2col dense 0 % 50 %",
                "b 100 2.00x 0.50x 1.00x 1.00x 2.00x",
                "a 100 - 0.50x - - 8.00x",
                "geometric mean 100 2.00x 0.50x 1.00x 1.00x 4.00x",
                "least of it 1.00x 1.00x 1.00x 1.00x 1.00x 0.50x",
                "Rounds spread by +-10.0% (median), at most +-33.3% (b at 0 %).",
            ]})

    def test_writes_markdown(self):
        path = self.file("a.json", report(group("a", 50, [8], auto=[4])))
        self.assertEqual(self.run_script("--markdown", path).stdout, """
fwd, other layers, auto: speed over onednn by zeros (cpu_time, threads 1, batch as listed)

| layer | onednn GFLOP/s | 50 % |
| --- | ---: | ---: |
| a | 100 | 2.00x |
| geometric mean | 100 | 2.00x |
| least of it | 1.00x | 1.00x |

Rounds spread by +-0.0% (median), at most +-0.0% (a at 50 %).
""")

    def test_has_a_table_per_implementation_and_pass(self):
        backward = [{**run, "name": run["name"].replace("fwd", "bwd_data")}
                    for run in group("a", 50, [8], output_mask=[4])]
        path = self.file("a.json", report(backward + group("a", 50, [8], auto=[4], zero_skip=[2])))
        self.assertEqual(list(self.tables(path)),
                         [self.title("fwd", "auto"), self.title("fwd", "zero_skip"),
                          self.title("bwd_data", "output_mask")])
        self.assertEqual(list(self.tables(path, "--pass", "bwd_data")), [self.title("bwd_data", "output_mask")])
        self.assert_refused(f"{path}: expected onednn runs, found none of bwd_weights", path, "--pass", "bwd_weights")

    def test_has_a_table_and_means_per_class(self):
        speeds = {"other": 10, "1x1_64-256_56": 2, "3x3s2_64-128_56": 3, "vgg1_2": 4, "res5_3x3": 1,
                  "1x1s2_256-512_56": 8, "5x5_64-64_28": 5, "vgg10_2": 10, "1x1_wide": 10}
        path = self.file("a.json", report(
            [run for layer, speed in speeds.items() for run in group(layer, 50, [speed], auto=[1])]))
        tables = self.tables(path)
        self.assertEqual(list(tables), [self.title("fwd", "auto", name) for name in (
            "1x1", "3x3 stride 2", "3x3 stride 1", "5x5 stride 1", "other layers")])
        self.assertEqual(tables[self.title("fwd", "auto", "1x1")][:4],
                         ["layer onednn GFLOP/s 50 %", "1x1_64-256_56 100 2.00x", "1x1s2_256-512_56 100 8.00x",
                          "geometric mean 100 4.00x"])
        self.assertEqual(tables[self.title("fwd", "auto", "3x3 stride 1")][1:4],
                         ["vgg1_2 100 4.00x", "res5_3x3 100 1.00x", "geometric mean 100 2.00x"])
        self.assertEqual([row.split()[0] for row in tables[self.title("fwd", "auto")][1:4]],
                         ["other", "vgg10_2", "1x1_wide"])

    def test_knows_the_class_of_every_shipped_layer(self):
        names = re.findall(r'n"([^"]+)"', pathlib.Path(LAYERS).read_text())
        path = self.file("a.json", report([run for name in names for run in group(name, 50, [8], auto=[4])]))
        tables = self.tables(path)
        self.assertEqual({title: len(rows) - 4 for title, rows in tables.items()},
                         {self.title("fwd", "auto", name): count
                          for name, count in (("3x3 stride 1", 12), ("3x3 stride 2", 6), ("1x1", 18))})

    def test_without_sparse_implementations_shows_the_peers(self):
        path = self.file("a.json", report(group("a", 50, [8], im2col=[16])))
        self.assertEqual(self.tables(path), {
            "fwd, other layers: speed over onednn by zeros (cpu_time, threads 1, batch as listed)": [
                "layer onednn GFLOP/s im2col", "a 100 0.50x", "geometric mean 100 0.50x", "least of it 1.00x 1.00x"]})

    def test_compares_the_time_that_the_context_names(self):
        benchmarks = group("a", 50, [8]) + runs("conv/fwd/a/z50/auto", [1], real_times=[40])
        wall = self.tables(self.file("a.json", report(benchmarks, threads="2", time="real_time")))
        self.assertEqual(wall["fwd, other layers, auto: speed over onednn by zeros (real_time, threads 2, batch as listed)"][1],
                         "a 100 2.00x")

    def test_joins_files_of_one_kind(self):
        first = self.file("a.json", report(group("a", 50, [8], auto=[4])))
        second = self.file("b.json", report(group("b", 50, [8], auto=[2]) + group("a", 30, [6], auto=[6])))
        rows = self.tables(first, second).popitem()[1]
        self.assertEqual(rows[:3], ["layer onednn GFLOP/s 30 % 50 %", "a 100 1.00x 2.00x", "b 100 - 4.00x"])
        self.assert_refused(f"{first}: expected every group in one file, found conv/fwd/a/z50 again", first, first)
        other = self.file("c.json", report(group("c", 50, [8]), batch="4"))
        self.assert_refused(f"{other}: expected batch as listed as in {first}, found 4", first, other)

    def test_tells_what_failed(self):
        failed = {"name": "conv/fwd/a/z50/im2col", "run_type": "iteration", "error_occurred": True,
                  "error_message": "mistrusted: expected 1"}
        path = self.file("a.json", report(group("a", 50, [8], auto=[4]) + [failed, failed]))
        result = self.run_script(path)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr,
                         f"bench-table: left out: {path}: conv/fwd/a/z50/im2col: mistrusted: expected 1\n")
        self.assertIn("2.00x", result.stdout)

    def test_refuses_what_conv_bench_did_not_write(self):
        missing = self.directory.name + "/missing.json"
        self.assert_refused(f"{missing}: expected a readable file: No such file or directory", missing)
        for content in ("", "{", "\xff"):
            path = self.file("bad.json", content)
            self.assertTrue(self.run_script(path).stderr.startswith(f"bench-table: {path}: expected JSON: "), content)
        run = runs("conv/fwd/a/z50/onednn", [1])[0]
        for content in ([], {}, {"context": {}, "benchmarks": []}, report(3), report([{}]), report([[]]),
                        report([run], threads="many"), report([run], threads=2), report([run], time="lunch_time"),
                        report([{**run, "cpu_time": float("nan")}]), report([{**run, "cpu_time": -1}]),
                        report([{**run, "FLOPS": float("inf")}]),
                        report([{**run, "time_unit": "h"}]), report([{**run, "cpu_time": "long"}]),
                        report([{key: value for key, value in run.items() if key != "FLOPS"}])):
            path = self.file("bad.json", content)
            result = self.run_script(path)
            self.assertEqual((result.returncode, result.stdout), (1, ""), content)
            self.assertTrue(result.stderr.startswith(f"bench-table: {path}: expected what conv_bench writes"),
                            result.stderr)
        zero = self.file("zero.json", report(runs("conv/fwd/a/z50/onednn", [0])))
        self.assert_refused(f"{zero}: conv/fwd/a/z50/onednn: expected a cpu_time above 0, found 0.0", zero)

    def test_takes_names_of_layers_with_slashes(self):
        path = self.file("a.json", report(group("a/z50/b:c*2", 50, [8], auto=[4]) + group("d", 50, [8], auto=[1])))
        self.assertEqual(self.tables(path)[self.title("fwd", "auto")][1:3], ["a/z50/b:c*2 100 2.00x", "d 100 8.00x"])

    def test_refuses_groups_without_the_peer(self):
        path = self.file("a.json", report(group("a", 50, [8]) + runs("conv/fwd/b/z50/auto", [1])))
        self.assert_refused(f"{path}: expected onednn runs in conv/fwd/b/z50, found only auto", path)
        empty = self.file("empty.json", report(runs("other", [1])))
        self.assert_refused(f"{empty}: expected onednn runs, found none of fwd, bwd_data, bwd_weights", empty)

    def test_scaling_has_a_table_per_class(self):
        names = ("1x1_64-64_56", "vgg1_2", "1x1s2_256-512_56")
        one = self.file("one.json", report([run for i, name in enumerate(names) for run in runs(
            f"conv/fwd/{name}/z50/auto", [1], real_times=[2 * (i + 1)])]))
        two = self.file("two.json", report([run for name in names for run in runs(
            f"conv/fwd/{name}/z50/auto", [1], real_times=[2])], "2", "real_time"))
        title = "fwd, {}, auto: 2 threads over 1, wall time (batch as listed)"
        self.assertEqual(self.tables("--scaling", one, two), {
            title.format("1x1"): ["layer 50 %", "1x1_64-64_56 1.00x", "1x1s2_256-512_56 3.00x",
                                  "geometric mean 1.73x", "least 1.00x"],
            title.format("3x3 stride 1"): ["layer 50 %", "vgg1_2 2.00x", "geometric mean 2.00x", "least 2.00x"]})

    def test_scaling_divides_wall_times(self):
        one = self.file("one.json", report(runs("conv/fwd/a/z50/auto", [1, 1, 1], real_times=[9, 8, 10])
                                           + runs("conv/fwd/b/z50/auto", [1], real_times=[8])
                                           + runs("conv/fwd/b/z90/auto", [1], real_times=[8])))
        two = self.file("two.json", report(runs("conv/fwd/a/z50/auto", [1, 1, 1], real_times=[5, 4.5, 4])
                                           + runs("conv/fwd/b/z50/auto", [1], real_times=[8]), "2", "real_time"))
        self.assertEqual(self.tables("--scaling", one, two), {
            "fwd, other layers, auto: 2 threads over 1, wall time (batch as listed)": [
                "layer 50 %", "a 2.00x", "b 1.00x", "geometric mean 1.41x", "least 1.00x"]})
        self.assert_refused(f"{one}: expected more threads than the 2 of {two}, found 1", "--scaling", two, one)
        alien = self.file("alien.json", report(runs("conv/fwd/c/z50/auto", [1]), "2", "real_time"))
        self.assert_refused(f"{alien}: expected at least one benchmark of {one}, found none", "--scaling", one, alien)
        batch = self.file("batch.json", report([], "2", "real_time", "3"))
        self.assert_refused(f"{batch}: expected batch as listed as in {one}, found 3", "--scaling", one, batch)
        run = {"name": "conv/fwd/a/z50/auto", "cpu_time": 1, "time_unit": "ms"}
        without = self.file("without.json", report([run], "2"))
        self.assertIn("conv/fwd/a/z50/auto.real_time: expected a value, found none",
                      self.run_script("--scaling", one, without).stderr)
        self.assertIn("expected two files with --scaling, found 1", self.run_script("--scaling", one).stderr)


if __name__ == "__main__":
    unittest.main()

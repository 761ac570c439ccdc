"""Tests of bench/evaluation: networks, profiles, projection, curves and comparisons.

Usage: evaluation_test.py bench
"""
import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv.pop(1))
from evaluation import compare, curves, metrics, networks, progress, projection
from evaluation.evaluation import Evaluation
from evaluation.layers import parse_problem, read_layers
from evaluation.measurements import class_of
from evaluation.program import Failure
from evaluation_documents import document, every_pass, network, times_ms


def evaluation(layers, *own_networks, path="a.json"):
    return Evaluation(document(layers, own_networks), path)


class Networks(unittest.TestCase):
    def setUp(self):
        self.layers = read_layers()

    def test_have_as_many_convolutions_and_multiply_adds_as_is_known(self):
        first = {"vgg16": 3 * 64 * 3 * 3 * 224 * 224, "resnet34": 3 * 64 * 7 * 7 * 112 * 112,
                 "resnet50": 3 * 64 * 7 * 7 * 112 * 112}
        for name, convolutions, gmacs in (("vgg16", 13, 15.347), ("resnet34", 36, 3.663), ("resnet50", 53, 4.087)):
            own = networks.published_network(name).convolutions
            macs = first[name] + sum(self.layers[one.layer].macs for one in own)
            self.assertEqual((1 + len(own), round(macs / 1e9, 3)), (convolutions, gmacs), name)
            self.assertEqual(len({one.name for one in own}), len(own))

    def test_consist_of_all_shipped_layers(self):
        used = {one.layer for name in networks.TABLES for one in networks.published_network(name).convolutions}
        self.assertEqual(used, set(self.layers))
        self.assertEqual({class_of(layer) for layer in used}, {"3x3 stride 1", "3x3 stride 2", "1x1"})

    def test_tensors_fit_from_convolution_to_convolution(self):
        own = {one.name: one for one in networks.published_network("resnet50").convolutions}
        self.assertEqual([own[f"stage3_block1.{part}"].layer for part in ("conv1", "conv2", "conv3", "projection")],
                         ["1x1_256-128_56", "3x3s2_128-128_56", "1x1_128-512_28", "1x1s2_256-512_56"])
        self.assertEqual([own[f"stage2_block1.{part}"].layer for part in ("conv1", "conv2", "conv3", "projection")],
                         ["1x1_64-64_56", "res2_3x3", "1x1_64-256_56", "1x1_64-256_56"])

    def test_zeros_are_those_of_the_profile(self):
        own = {one.name: one for one in networks.published_network("vgg16").convolutions}
        zeros, epochs = networks.published_zeros("vgg16")
        self.assertEqual((epochs, len(zeros["conv1_1"])), (6, 12))
        self.assertEqual(own["conv4_2"].src, zeros["conv4_1"])
        self.assertEqual(own["conv4_2"].diff_dst, zeros["conv4_2"])
        self.assertEqual(own["conv2_1"].src, zeros["pool1"])
        self.assertAlmostEqual(own["conv1_2"].diff_dst[0], 100 - (100 - zeros["pool1"][0]) / 4)
        for one in networks.published_network("resnet34").convolutions:
            self.assertEqual(set(one.diff_dst), {0.0})
            self.assertEqual(len(one.src), 10)

    def test_layers_need_their_sizes(self):
        layer = parse_problem('mb2ic16oc32ih9iw7oh5ow4kh3kw1sh2ph1n"a"')
        self.assertEqual((layer.name, layer.batch, layer.macs), ("a", 2, 16 * 32 * 5 * 4 * 3))
        with self.assertRaisesRegex(ValueError, "no 'oh' in mb2"):
            parse_problem('mb2ic16oc32ih9kh3n"a"')


class Interpolation(unittest.TestCase):
    def test_is_linear_between_percents_and_clamped_beyond(self):
        times = {20: 10.0, 50: 4.0, 90: 2.0}
        for zeros, time in ((20, 10), (30, 8), (50, 4), (70, 3), (90, 2), (0, 10), (99, 2)):
            self.assertAlmostEqual(projection.interpolate(times, zeros), time, msg=zeros)
        self.assertEqual(projection.interpolate({50: 4.0}, 10), 4)


class ProjectedNetwork(unittest.TestCase):
    def setUp(self):
        layers = {"vgg1_2": {
            "fwd": times_ms({0: 10, 50: 4, 90: 2}, onednn_winograd=4.0),
            "bwd_data": times_ms({0: 10, 50: 5, 90: 1}, {0: 12, 50: 4, 90: 3}),
            "bwd_weights": times_ms({0: 9, 50: 6, 90: 2}, dense=7.0, im2col=20.0)}}
        # Two epochs: zeros of src 50 and 70, of diff_dst 0 and 90.
        self.evaluation = evaluation(layers, network(("a", "vgg1_2", [50, 70], [0, 90]), ("b", "vgg1_2", [0, 0], [0, 0])))
        self.projection = projection.Projection(self.evaluation, self.evaluation.networks[0])

    def of(self, convolution, conv_pass):
        return next(one for one in self.projection.passes if (one.convolution, one.conv_pass) == (convolution, conv_pass))

    def test_our_policy_takes_the_sparser_operand_or_the_mask(self):
        self.assertAlmostEqual(self.of("a", "fwd").ours, (4 + 3) / 2)
        # min(auto at 0: 10, masked at 50: 4), min(auto at 90: 1, masked at 70: 3.5)
        self.assertAlmostEqual(self.of("a", "bwd_data").ours, (4 + 1) / 2)
        self.assertAlmostEqual(self.of("a", "bwd_weights").ours, (6 + 2) / 2)

    def test_the_papers_policy_takes_its_operands(self):
        self.assertAlmostEqual(self.of("a", "fwd").paper, (4 + 3) / 2)
        self.assertAlmostEqual(self.of("a", "bwd_data").paper, (10 + 1) / 2)
        self.assertAlmostEqual(self.of("a", "bwd_weights").paper, (6 + 4) / 2)

    def test_best_dense_peer_is_chosen_per_pass(self):
        self.assertEqual([(one.dense, one.dense_name) for one in self.projection.passes[:3]],
                         [(4, "onednn_winograd"), (8, "onednn"), (7, "dense")])

    def test_totals_add_up(self):
        ours = 3.5 + 2.5 + 4 + 10 + 10 + 9
        self.assertAlmostEqual(self.projection.total("ours"), ours)
        self.assertAlmostEqual(self.projection.speed("ours", "direct"), 6 * 8 / ours)
        self.assertAlmostEqual(self.projection.speed("ours", "dense", "fwd"), 8 / 13.5)
        # fwd by src: 0.5 and 0.3; bwd_data and bwd_weights by the sparser: 0.5 and 0.1
        self.assertAlmostEqual(self.of("a", "fwd").effectual_flops, 0.4e6)
        self.assertAlmostEqual(self.of("a", "bwd_data").effectual_flops, 0.3e6)

    def test_missing_times_are_named(self):
        own = evaluation({"vgg1_2": {"fwd": times_ms({0: 1})}}, network(("a", "vgg1_2", [0], [0])))
        with self.assertRaisesRegex(Failure, "a.json: expected times of onednn in bwd_data of vgg1_2, found none"):
            projection.Projection(own, own.networks[0])


class Curves(unittest.TestCase):
    def test_are_geometric_means_with_their_range(self):
        own = evaluation({"vgg1_2": every_pass(auto={0: 8, 50: 4}, onednn_winograd=4.0),
                          "vgg2_1": every_pass(auto={0: 8, 50: 1})})
        self.assertEqual(curves.classes_of(own), {"3x3 stride 1": ["vgg1_2", "vgg2_1"]})
        found = curves.class_curves(own, own.layers)["fwd"]
        self.assertEqual(list(found["auto"]), [0, 50])
        for value, expected in zip(vars(found["auto"][50]).values(), (4, 2, 8)):
            self.assertAlmostEqual(value, expected)
        self.assertEqual({percent: speeds.mean for percent, speeds in found["onednn_winograd"].items()}, {0: 2, 50: 2})
        self.assertAlmostEqual(curves.class_shares(own, ["vgg1_2"], "fwd", "auto")[50], 1e6 * 0.5 / 4e-3 / 1e9)

    def test_crossing(self):
        def curve(*points):
            return {percent: curves.Range(speed, speed, speed) for percent, speed in points}
        # Times fall from 2 to 2/3 of the level's.
        self.assertAlmostEqual(curves.crossing(curve((0, .5), (50, 1.5)), 1), 37.5)
        self.assertAlmostEqual(curves.filled_in(curve((0, .5), (50, 1.5), (90, 3)))[25].most, 1 / (4 / 3))
        self.assertIsNone(curves.crossing(curve((0, 1.1), (50, 1.5)), 1))
        self.assertIsNone(curves.crossing(curve((0, .5), (50, .9)), 1))
        self.assertIsNone(curves.crossing({}, 1))


class Comparison(unittest.TestCase):
    def compare(self, new_auto, new_onednn=8.0, **machine):
        old, new = document({"a": every_pass(auto={0: 8, 50: 4, 90: 2})}), document(
            {"a": every_pass(auto=new_auto, onednn=new_onednn)})
        new["machine"].update(machine)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            passed = compare.print_comparison(Evaluation(old, "old.json"), Evaluation(new, "new.json"), 0.05)
        return passed, out.getvalue()

    def test_cancels_the_machines_speed(self):
        passed, text = self.compare({0: 16, 50: 8, 90: 4}, new_onednn=16.0)
        self.assertTrue(passed)
        self.assertIn("1.000", text)
        self.assertIn("nothing fell by more than 5.0%", text)

    def test_takes_the_median_over_percents(self):
        self.assertTrue(self.compare({0: 8, 50: 4, 90: 3})[0])
        self.assertTrue(self.compare({0: 8.3, 50: 4.15})[0])
        passed, text = self.compare({0: 8.8, 50: 4.4, 90: 2})
        self.assertFalse(passed)
        self.assertIn("slower: auto in fwd of a: 0.909, at least 0.950 expected", text)

    def test_fails_where_something_is_missing(self):
        old = document({"a": every_pass(auto={0: 8}), "b": every_pass(auto={0: 8})})
        del (new := json.loads(json.dumps(old)))["layers"]["a"]["times_ms"]["fwd"]["auto"]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertFalse(compare.print_comparison(Evaluation(old, "old.json"), Evaluation(new, "new.json"), 0.05))
            self.assertTrue(compare.print_comparison(Evaluation(new, "new.json"), Evaluation(old, "old.json"), 0.05))
        self.assertIn("missing: auto in fwd of a, which old.json has", out.getvalue())
        del new["layers"]["b"]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertFalse(compare.print_comparison(Evaluation(old, "old.json"), Evaluation(new, "new.json"), 0.05))
        self.assertIn("missing: auto in bwd_weights of b, which old.json has", out.getvalue())

    def test_refuses_times_that_are_none(self):
        for wrong in (float("nan"), float("inf"), -1.0, 0.0, "8", None, True):
            with self.assertRaisesRegex(Failure, r"new.json: .*layers.a.times_ms.fwd.auto.0\[0\]: expected a time in ms"):
                self.compare({0: wrong, 50: wrong, 90: wrong})

    def test_refuses_what_cannot_be_compared(self):
        with self.assertRaisesRegex(Failure, "new.json: expected threads 1 as in old.json, found 2"):
            self.compare({0: 8}, threads="2")
        with self.assertRaisesRegex(Failure, "new.json: expected layers and percents of old.json, found none"):
            self.compare({70: 8})


class Metrics(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file, self.layers = pathlib.Path(directory.name) / "own.jsonl", pathlib.Path(directory.name) / "layers.txt"

    @staticmethod
    def convolution(name, src, stride=1, counted=True):
        return {"name": name, "src": src, "k": 32, "filter": [3, 3], "stride": stride, "padding": [1, 1, 1, 1],
                "counted": counted}

    def records(self, steps, zeros=lambda step: step):
        convolutions = [self.convolution("conv1", [2, 1, 9, 9], counted=False), self.convolution("conv2", [2, 16, 9, 9]),
                        self.convolution("conv3", [2, 16, 9, 9]), self.convolution("conv4", [2, 32, 9, 7], stride=2)]

        def step_record(step):
            found = [{"name": one["name"], "zeros_src": zeros(step), "zeros_diff_dst": 2 * zeros(step)}
                     for one in convolutions]
            return {"record": "step", "step": step + 1, "convolutions": found}
        return [{"record": "header", "model": "m", "data": "d"}, *map(step_record, range(steps)),
                {"record": "summary", "convolutions": convolutions}]

    def network(self, records):
        self.file.write_text("".join(json.dumps(record) + "\n" for record in records))
        return metrics.network_of_metrics(self.file, self.layers)

    def test_become_a_network(self):
        own = self.network(self.records(3))
        self.assertEqual((own.name, own.title, own.time_unit, own.per_value), ("own", "m on d", "step", 1))
        self.assertEqual([(one.name, one.layer) for one in own.convolutions],
                         [("conv2", "3x3_16-32_9"), ("conv3", "3x3_16-32_9"), ("conv4", "3x3s2_32-32_7")])
        self.assertEqual((own.convolutions[0].src, own.convolutions[0].diff_dst), ([0, 1, 2], [0, 2, 4]))
        self.assertEqual(read_layers(self.layers)["3x3s2_32-32_7"].macs, 32 * 32 * 9 * 5 * 4)

    def test_many_steps_are_averaged(self):
        own = self.network(self.records(250, zeros=lambda step: step / 8))
        self.assertEqual((own.per_value, own.convolutions[0].src[:2], own.convolutions[0].src[-1]), (3, [1 / 8, 4 / 8], 249 / 8))

    def test_what_is_wrong_is_named(self):
        header, first, second, summary = self.records(2)
        small = {**summary, "convolutions": [{**one, "padding": [0, 0, 0, 0], "filter": [11, 1]}
                                             for one in summary["convolutions"]]}
        unlike = {**second, "convolutions": second["convolutions"][:-1]}
        order = "expected one run's header, steps in their order and summary, found a"
        for wrong, expected in (
                ([], "expected a header record"), ([header, first], "expected a summary record"),
                ([header, summary], "expected a step record"),
                ([header, first, {"record": "summary", "convolutions": [{"counted": True}]}],
                 r"line 3.convolutions\[0\].name: expected a value, found none"),
                ([header, first, {"record": "summary", "convolutions": []}], "beyond the first, found none"),
                ([[]], r"line 1: expected an object, found \[\]"),
                ([first, header, summary], f"line 1: {order} step record"),
                ([header, second, first, summary], f"line 3: {order} step record"),
                ([header, first, first, summary], f"line 3: {order} step record"),
                ([header, first, header, first, summary], f"line 3: {order} header record"),
                ([header, first, summary, second], f"line 4: {order} step record"),
                ([header, unlike, summary], "expected convolution conv4 once in step 2, found it 0 times"),
                ([header, first, small], "convolution conv2: expected a filter no larger than the padded input")):
            with self.assertRaisesRegex(Failure, expected):
                self.network(wrong)

    def test_records_of_other_kinds_are_left_out(self):
        header, first, summary = self.records(1)
        self.assertEqual(len(self.network([header, {"record": "note"}, first, summary]).convolutions), 3)


class ProgressOfARun(unittest.TestCase):
    def test_expects_what_finished_jobs_took(self):
        now = [0.0]
        out = io.StringIO()
        own = progress.Progress(4, 100, out, lambda: now[0])
        self.assertEqual(own.seconds_left(), 100)
        now[0] = 100
        own.end("a", 50)
        self.assertAlmostEqual(own.seconds_left(), 50 * (100 + 5) / (50 + 5))
        self.assertEqual(out.getvalue(), "evaluate: 1/4  a  ETA 1:35\n")


if __name__ == "__main__":
    unittest.main()

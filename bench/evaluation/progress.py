"""How far a long run is: a bar on a terminal, plain lines elsewhere."""
import sys
import time


def format_duration(seconds):
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Progress:
    """`work` is what all jobs are expected to take, in seconds; how long finished ones took corrects it, the more of
    them there are."""

    def __init__(self, jobs, work, out=sys.stdout, clock=time.monotonic):
        self.jobs, self.work, self.out, self.clock = jobs, work, out, clock
        self.done, self.work_done, self.start = 0, 0.0, clock()

    def seconds_left(self):
        trust = self.work / 20  # the expectation weighs as much as this much of finished work
        pace = (self.clock() - self.start + trust) / (self.work_done + trust)
        return (self.work - self.work_done) * pace

    def begin(self, name):
        if not self.out.isatty():
            return
        filled = 20 * self.done // self.jobs
        bar = "#" * filled + "." * (20 - filled)
        self.out.write(f"\r\033[K[{bar}] {self.done}/{self.jobs}  {name}  ETA {format_duration(self.seconds_left())}")
        self.out.flush()

    def end(self, name, work):
        self.done += 1
        self.work_done += work
        if not self.out.isatty():
            print(f"evaluate: {self.done}/{self.jobs}  {name}  ETA {format_duration(self.seconds_left())}",
                  file=self.out, flush=True)

    def finish(self):
        if self.out.isatty():
            self.out.write("\r\033[K")
            self.out.flush()

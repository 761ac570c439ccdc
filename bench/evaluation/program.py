"""What the programs of scripts/ have in common: how they end."""
import os
import sys


class Failure(Exception):
    """A message for the user."""


def fail(name, message):
    print(f"{name}: {message}", file=sys.stderr)
    return 1


def fail_to_use(name, error):
    """The exit code for an OSError that nobody expected where it came: files have names, standard output has none."""
    if error.filename is None:
        # What the buffer still holds would be written, and fail, once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return fail(name, f"{error.filename or 'standard output'}: {error.strerror or error}")


def run(name, main, interrupted="interrupted"):
    """Calls main() for the exit code. What went wrong is one line on stderr."""
    if sys.stdout is None:
        return fail(name, "standard output: expected to be open")
    # Files and layers have names that an old terminal's characters cannot show.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main()
        sys.stdout.flush()
        return code
    except Failure as failure:
        return fail(name, failure)
    except OSError as error:
        return fail_to_use(name, error)
    except KeyboardInterrupt:
        print(f"\n{name}: {interrupted}", file=sys.stderr)
        return 130

"""Checks of what files have, where they are read: whoever computes with it need not mistrust it.

A schema is a function of a value and of its place in the document, which raises a ValueError that names the place, what
was expected and what was found. Numbers that a computation may divide by, or draw, are bounded for that.
"""
import json

MOST_CHARACTERS = 1000
SHOWN_CHARACTERS = 60


def shown(value):
    """As JSON for a message: short, and on one line of any terminal."""
    text = json.dumps(value, default=repr)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


def printable(text):
    """With ? for what a terminal or a file cannot take."""
    return "".join(character if character.isprintable() else "?" for character in text)


def fail(place, expected, value):
    raise ValueError(f"{place or 'document'}: expected {expected}, found {shown(value)}")


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def text(value, place):
    if not isinstance(value, str) or len(value) > MOST_CHARACTERS or not value.isprintable():
        fail(place, f"a printable text of at most {MOST_CHARACTERS} characters", value)


def file_name(value, place):
    """That names of other files are made of."""
    text(value, place)
    if not value or len(value) > 200 or "/" in value:
        fail(place, "1 to 200 characters without a slash", value)


def boolean(value, place):
    if not isinstance(value, bool):
        fail(place, "true or false", value)


def number(least, most, what):
    def check(value, place):
        if not is_number(value) or not least <= value <= most:  # NaN is not
            fail(place, f"{what} from {least:g} to {most:g}", value)
    return check


def whole(least, most=2**31 - 1):
    def check(value, place):
        if not is_number(value) or not isinstance(value, int) or not least <= value <= most:
            fail(place, f"a whole number from {least} to {most}", value)
    return check


def decimal(least, most):
    """A whole number, which conv_bench's context has as a text."""
    def check(value, place):
        if not isinstance(value, str) or not (value.isascii() and value.isdecimal()) or len(value) > 9 \
                or not least <= int(value) <= most:
            fail(place, f"a text of a number from {least} to {most}", value)
    return check


def one_of(*values):
    def check(value, place):
        if not any(type(value) is type(own) and value == own for own in values):
            fail(place, " or ".join(map(shown, values)), value)
    return check


def list_of(schema, least=0, most=None):
    def check(value, place):
        if not isinstance(value, list) or len(value) < least or (most is not None and len(value) > most):
            fail(place, "a list" + (f" of {least}" if least == most else f" of at least {least}" if least else ""), value)
        for index, item in enumerate(value):
            schema(item, f"{place}[{index}]")
    return check


def fields(_optional=None, **schemas):
    """An object with these fields, and those of _optional if it has them; others are none of the reader's business."""
    def check(value, place):
        if not isinstance(value, dict):
            fail(place, "an object", value)
        prefix = place + "." if place else ""
        for name, schema in schemas.items():
            if name not in value:
                raise ValueError(f"{prefix}{name}: expected a value, found none")
            schema(value[name], prefix + name)
        for name, schema in (_optional or {}).items():
            if name in value:
                schema(value[name], prefix + name)
    return check


def map_of(key, schema):
    """An object whose names and values have these schemas."""
    def check(value, place):
        if not isinstance(value, dict):
            fail(place, "an object", value)
        for name, item in value.items():
            key(name, f"{place}, name")
            schema(item, f"{place}.{printable(name)}")
    return check


ZEROS = number(0, 100, "a percentage")
MILLISECONDS = number(1e-6, 1e9, "a time in ms")
FLOPS = number(1, 1e18, "a number of FLOPs")
COUNT = whole(1)

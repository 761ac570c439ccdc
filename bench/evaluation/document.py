"""A report as a list of blocks, and the two ways to write it down: Markdown, and an HTML page that needs no other file."""
import base64
import html
import re
from dataclasses import dataclass

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem;
       margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .5rem; padding-top: .8rem; border-top: 1px solid #ddd; }
code { font: .88em "DejaVu Sans Mono", ui-monospace, monospace; background: #f3f4f6; padding: .05em .3em;
       border-radius: 3px; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .8rem; border-bottom: 1px solid #e3e3e3; text-align: right; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
td:first-child { white-space: nowrap; }
table.words td, table.words th { text-align: left; }
thead th { border-bottom: 2px solid #444; font-weight: 600; }
figure { margin: 1.2rem 0; }
img { max-width: 100%; height: auto; display: block; margin: 0 auto; }
figcaption { color: #555; font-size: .88rem; margin-top: .4rem; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } figure, tr { break-inside: avoid; } .scroll { overflow: visible; } }
"""


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2

    def to_markdown(self):
        return f"{'#' * self.level} {self.text}"

    def to_html(self, _directory):
        return f"<h{self.level}>{inline(self.text)}</h{self.level}>"


@dataclass(frozen=True)
class Paragraph:
    text: str  # with `code` and **strong** words

    def to_markdown(self):
        return self.text

    def to_html(self, _directory):
        return f"<p>{inline(self.text)}</p>"


@dataclass(frozen=True)
class Table:
    header: list
    rows: list
    words: bool = False  # rather than numbers, which stand to the right

    def to_markdown(self):
        rule = ["---"] + ["---" if self.words else "---:"] * (len(self.header) - 1)
        rows = [[cell.replace("|", "\\|") for cell in row] for row in (self.header, rule, *self.rows)]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def to_html(self, _directory):
        def row(cells, tag):
            return "<tr>" + "".join(f"<{tag}>{inline(cell)}</{tag}>" for cell in cells) + "</tr>"
        body = "\n".join(row(cells, "td") for cells in self.rows)
        kind = ' class="words"' if self.words else ""
        return (f'<div class="scroll"><table{kind}><thead>{row(self.header, "th")}</thead>\n'
                f"<tbody>\n{body}\n</tbody></table></div>")


@dataclass(frozen=True)
class Figure:
    file: str  # beside the report
    caption: str

    def to_markdown(self):
        return f"![{plain(self.caption)}]({self.file})\n\n{self.caption}"

    def to_html(self, directory):
        data = base64.b64encode((directory / self.file).read_bytes()).decode("ascii")
        return (f'<figure><img alt="{html.escape(plain(self.caption))}" src="data:image/png;base64,{data}">\n'
                f"<figcaption>{inline(self.caption)}</figcaption></figure>")


def plain(text):
    return text.replace("`", "").replace("**", "")


def inline(text):
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
    return re.sub(r"\*\*([^*]*)\*\*", r"<strong>\1</strong>", text)


def to_markdown(blocks):
    return "\n\n".join(block.to_markdown() for block in blocks) + "\n"


def to_html(title, blocks, directory):
    """`directory` has the figures."""
    body = "\n".join(block.to_html(directory) for block in blocks)
    return ('<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n")

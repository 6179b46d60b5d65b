"""What a sheet needs to be read on a phone: every cell says its heading, and a list leads to every section."""

import re
from collections.abc import Iterator
from html import escape
from xml.etree.ElementTree import Element, fromstring, tostring

CONTENTS = "<!-- contents -->"
"""Where the list of sections stands."""
_NUMBER = re.compile(r"[\d.,]+")
_HEADING = re.compile(r"<h2>(.*?)</h2>")


def with_headings(table: str) -> str:
    """A table in which every cell begins with the heading of its column, for where there is no room for the head.

    One whose cells lie side by side on a wide page: readers of screens hear the head, so the words are hidden from
    them. A cell over several columns has no heading, nor has what is one itself, unless it is a number alone.
    """
    whole = fromstring(table)  # noqa: S314 -- made by our own template, escaped there
    said = _headings(whole)
    for row in whole.findall("tbody/tr"):
        place = 0
        for cell in row:
            wide = int(cell.get("colspan", "1"))
            if wide == 1 and (cell.tag == "td" or _NUMBER.fullmatch(cell.text or "")):
                label = Element("span", {"class": "label", "aria-hidden": "true"})
                label.text, label.tail, cell.text = said[place], cell.text, None
                cell.insert(0, label)
            place += wide
    return tostring(whole, encoding="unicode", method="html")


def _headings(table: Element) -> list[str]:
    """The heading of each column: under a heading of several columns its words stand before their own."""
    upper, *lower = table.findall("thead/tr")
    own: Iterator[str] = ("".join(one.itertext()) for row in lower for one in row)
    said: list[str] = []
    for one in upper:
        words, columns = "".join(one.itertext()), int(one.get("colspan", "1"))
        said += [words] if columns == 1 else [f"{words}: {next(own)}" for _ in range(columns)]
    return said


def with_contents(page: str) -> str:
    """A page whose sections can be gone to: an address on each heading of the second level, and the list of them."""
    titles = _HEADING.findall(page)
    links = "\n".join(f'<li><a href="#{address(title)}">{title}</a></li>' for title in titles)
    listed = f'<nav aria-label="On this sheet">\n<ul>\n{links}\n</ul>\n</nav>'
    addressed = _HEADING.sub(lambda found: f'<h2 id="{escape(address(found[1]))}">{found[1]}</h2>', page)
    return addressed.replace(CONTENTS, listed, 1)


def address(title: str) -> str:
    """`does-it-mean-what-it-says`."""
    return re.sub(r"\W+", "-", title.lower()).strip("-")

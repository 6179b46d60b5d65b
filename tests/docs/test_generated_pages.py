"""Generated pages are what they would be if they were made now; every page of the documentation is reachable."""

import re
from pathlib import Path

import pytest

from crisisrisk.cli.describe import PAGES, page_text

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_fresh(name: str) -> None:
    assert (ROOT / PAGES[name].path).read_text(encoding="utf-8") == page_text(name), "write it again with: make docs"


def links(page: Path) -> list[str]:
    return re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))


PROSE = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "features").glob("*.md")])


@pytest.mark.parametrize("page", PROSE, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_the_readme_leads_to_every_page() -> None:
    linked = {(ROOT / link).resolve() for link in links(ROOT / "README.md")}
    index = ROOT / "docs" / "README.md"
    linked |= {(index.parent / link).resolve() for link in links(index)}
    adr = ROOT / "docs" / "adr"
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page.parent != adr and page != index}
    assert {str(page.relative_to(ROOT)) for page in pages - linked} == set()


def test_error_pages_that_errors_point_to_exist() -> None:
    from crisisrisk.errors import KINDS

    headings = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    assert [code for code in KINDS if f"\n## {code}\n" not in headings] == []

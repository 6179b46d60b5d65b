"""What pages load: files as others published them, and nothing from another host."""

import gzip
import re
import tomllib
from hashlib import sha256
from pathlib import Path

import pytest
from tests.lib.service_site import ServiceSite

from crisisrisk.serving.pages import assets as module
from crisisrisk.serving.pages.assets import ASSETS, DESIGN_SYSTEM, assets
from crisisrisk.serving.pages.design_system import NOT_HERE, without_parts

STATIC = Path(module.__file__).parent / "static"
OURS = [
    *(STATIC.parent / "templates").glob("*.jinja"),
    *(STATIC / name for name in ("pages.js", "map.js", "caseload.js")),
]
NAMESPACE = "http://www.w3.org/2000/svg"


def test_files_of_others_are_as_they_were_published_and_have_their_licence() -> None:
    listed = tomllib.loads((STATIC / "vendored.toml").read_text())
    ours = {"pages.css", "pages.js", "map.js", "caseload.js", "mark.svg", "vendored.toml"}
    assert {path.name for path in STATIC.iterdir()} == ours | set(listed)
    for name, about in listed.items():
        assert sha256((STATIC / name).read_bytes()).hexdigest() == about["sha256"], name
        assert (STATIC / f"{about['package']}.LICENCE.txt").is_file()


@pytest.mark.parametrize("name", list(assets()))
def test_nothing_that_is_served_names_another_host(name: str) -> None:
    text = assets()[name].content.decode()
    assert re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s\"')]*", text.replace(NAMESPACE, "")) == []
    for icon in re.findall(r"url\((?!['\"]?data:|#)([^)]*)\)", text):
        assert icon.partition("?")[0] in assets(), "an icon that a style names lies beside it"


@pytest.mark.parametrize(
    ("style", "left"),
    [
        ("a{b:c}.nhsuk-tabs{d:e}.nhsuk-table{f:g}", "a{b:c}.nhsuk-table{f:g}"),
        (".nhsuk-tabs__item,.nhsuk-link{a:b}", ".nhsuk-link{a:b}"),
        ("@media print{.nhsuk-tag--red{a:b}}@media print{.nhsuk-card{a:b}}", "@media print{.nhsuk-card{a:b}}"),
        (".nhsuk-link:not(.nhsuk-tabs,.nhsuk-tag):focus{a:b}", ".nhsuk-link:not(.nhsuk-tabs,.nhsuk-tag):focus{a:b}"),
        (".nhsuk-header .nhsuk-link,p:has(.nhsuk-tag){a:b}", "p:has(.nhsuk-tag){a:b}"),
        ('@charset "UTF-8";.nhsuk-u-nowrap,.nhsuk-u-margin-bottom-2,.nhsuk-u-visually-hidden{content:"}{;"}',
         '@charset "UTF-8";.nhsuk-u-margin-bottom-2,.nhsuk-u-visually-hidden{content:"}{;"}'),
    ],
)  # fmt: skip
def test_of_the_design_system_what_only_a_part_that_is_left_out_would_have_is_not_sent(style: str, left: str) -> None:
    assert without_parts(style) == left


def test_the_design_system_is_sent_at_half_its_weight_and_no_page_of_ours_names_what_is_left_out() -> None:
    style = assets()[DESIGN_SYSTEM]
    assert NOT_HERE.findall((STATIC / DESIGN_SYSTEM).read_text())
    assert len(style.compressed) < 16_000
    for file in OURS:
        text = file.read_text(encoding="utf-8")
        named = re.findall(r"nhsuk-[a-z-]+", text)
        named += [f"nhsuk-{part}" for part in re.findall(r"nhsuk/components/([a-z-]+)", text)]
        assert [one for one in named if NOT_HERE.search(f".{one}")] == [], file.name


def test_an_asset_stays_for_a_year_under_the_digest_of_what_is_in_it(shared_site: ServiceSite) -> None:
    client, style = shared_site.client(), assets()["pages.css"]
    answer = client.get(style.address, headers={"Accept-Encoding": "gzip"})
    assert (answer.content, answer.headers["content-encoding"]) == (style.content, "gzip")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert gzip.decompress(style.compressed) == style.content
    plain = client.get(style.address, headers={"Accept-Encoding": "identity"})
    assert (plain.content, plain.headers["content-type"]) == (style.content, "text/css; charset=utf-8")
    for wrong in (f"{ASSETS}/0000000000000000/pages.css", style.address.replace("pages.css", "vendored.toml")):
        assert client.get(wrong).status_code == 404

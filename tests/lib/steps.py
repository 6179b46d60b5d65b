"""What somebody does on a page, by the words they see: each step takes the page and what its words stand for."""

import re
from collections.abc import Callable, Mapping

from playwright.sync_api import Page

Step = Callable[[Page, Mapping[str, str]], None]


def write(label: str, text: str) -> Step:
    """Write into the field of a label. `{caller}` and the like stand for what only a made site knows."""
    return lambda page, known: page.get_by_label(label, exact=True).first.fill(text.format(**known))


def choose(label: str, value: str) -> Step:
    """Choose from the list of a label."""
    return lambda page, _: _chosen(page, label, value)


def _chosen(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).first.select_option(value)


def tick(label: str) -> Step:
    """Tick the box or the circle of a label."""
    return lambda page, _: page.get_by_label(label, exact=True).check()


def press(name: str | re.Pattern[str]) -> Step:
    """Press a button, the first of that name."""
    return lambda page, _: page.get_by_role("button", name=name, exact=True).first.click()


def see(text: str) -> Step:
    """Wait until it stands there."""
    return lambda page, _: page.get_by_text(text).first.wait_for()


def unfold(text: str) -> Step:
    """Open what is folded under a line."""
    return lambda page, _: page.get_by_text(text, exact=True).click()


def follow(name: str) -> Step:
    """Follow a link."""
    return lambda page, _: page.get_by_role("link", name=name, exact=True).first.click()


def lose_session(page: Page, _: Mapping[str, str]) -> None:
    """The session ends, as it does of who goes away for a while, and the page stays open."""
    page.context.clear_cookies()


def sign_in_anew(page: Page, _: Mapping[str, str]) -> None:
    """As who signed in again in another window: what the page's forms carry is of the session before."""
    page.locator("input[name=form_token]").evaluate_all("all => all.forEach(one => { one.value = 'another' })")


def ask_too_often(page: Page, _: Mapping[str, str]) -> None:
    """Ask until no more is answered, and then for the page."""
    page.evaluate("async () => { while ((await fetch('/sign-in')).status !== 429); }")
    page.reload()

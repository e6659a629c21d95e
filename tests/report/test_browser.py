"""The page in a real browser: no request, no error, no sideways scrolling, tables that sort and narrow, and nothing that an accessibility checker minds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from odd_assess.records import Assessment
from odd_assess.report import page_of, write_html

Build = Callable[..., Assessment]
CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
WIDTHS = (1440, 390)
pytestmark = pytest.mark.slow


def _need(reason: str) -> None:
    """Skip without a browser; under CI=true, where .ci/run installs it, that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and .ci/run should have installed it")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium of the system, started once."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _need("playwright is not installed: pip install 'odd-assess[test]'")
    if CHROMIUM is None:
        _need("no Chromium on the PATH: on Debian apt install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(build: Build, estimated: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with nearly everything in it."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_html(estimated(build()), path)
    return path


@contextmanager
def opened(browser: Any, path: Path, *, width: int = 1440, scheme: str = "light", scripts: bool = True) -> Iterator[Any]:
    """The page in a tab; at the end nothing was asked of the network and nothing went wrong."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts, bypass_csp=False
    )
    tab, wrong, asked = context.new_page(), list[str](), list[str]()
    tab.on("console", lambda message: wrong.append(message.text) if message.type in {"error", "warning"} else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(path.as_uri())
    yield tab
    context.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]


def shown(tab: Any, table: str) -> int:
    """Rows of a table that are to be seen."""
    return int(tab.locator(f"#{table} tbody tr:not([hidden])").count())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_page_stays_within_the_window(browser: Any, report: Path, width: int, scheme: str) -> None:
    """Tables scroll in their own boxes, the page never sideways; the ground is dark where a dark page is asked for."""
    with opened(browser, report, width=width, scheme=scheme) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in ground[4:-1].split(",")) < 200) == (scheme == "dark")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_accessibility_checker_finds_nothing_serious(browser: Any, report: Path, width: int, scheme: str) -> None:
    """axe-core finds no serious and no critical violation; contrast is among what it looks at."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        _need("axe-playwright-python is not installed: pip install 'odd-assess[test]'")
    with opened(browser, report, width=width, scheme=scheme) as tab:
        found = Axe().run(tab).response
        assert any(rule["id"] == "color-contrast" for rule in found["passes"])
        serious = [one for one in found["violations"] if one["impact"] in {"serious", "critical"}]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in serious] == []


def test_sorting_orders_by_the_numbers_behind_the_text(browser: Any, report: Path) -> None:
    """A click on a heading sorts rising, a second falling, by value and not by text; the keyboard does the same."""
    with opened(browser, report) as tab:
        heading = tab.locator("#points-table thead th", has_text="Radius")
        place = heading.evaluate("heading => heading.cellIndex")
        read = f"[...document.querySelectorAll('#points-table tbody tr')].map(row => Number(row.cells[{place}].dataset.value))"
        heading.locator("button").click()
        rising = tab.evaluate(read)
        assert rising == sorted(rising)
        assert heading.get_attribute("aria-sort") == "ascending"
        heading.locator("button").focus()
        tab.keyboard.press("Enter")
        assert tab.evaluate(read) == rising[::-1]
        assert heading.get_attribute("aria-sort") == "descending"


def test_points_are_narrowed_to_what_is_counted_elsewhere(browser: Any, build: Build, report: Path) -> None:
    """A number of points in a table, and a field of a map, lead to exactly these points; the list of cells and the field for words narrow too."""
    results = build().results
    with opened(browser, report) as tab:
        assert shown(tab, "points-table") == len(results)
        for table in ("cells-table", "classes-table", "levels-table", "outcomes-table", "pair-1-table"):
            link = tab.locator(f"#{table} a[data-shows]").first
            number = int(link.text_content().split(" of ")[-1].replace(",", ""))
            link.click()
            assert shown(tab, "points-table") == number, table
            assert f"{number} of {len(results)} points" in tab.locator("#points [role=status]").text_content()
        tab.locator("#points button", has_text="Show all").click()
        assert shown(tab, "points-table") == len(results)
        choice = tab.locator("#points select")
        choice.select_option(index=1)
        cell = int(choice.input_value()[1:])
        assert shown(tab, "points-table") == int((results.cell == cell).sum())
        tab.locator("#points input").fill("abstained")
        assert shown(tab, "points-table") == int(((results.cell == cell) & ~results.certified).sum())


def test_page_can_be_turned_dark_and_light(browser: Any, report: Path) -> None:
    """The button turns the page whatever the system asks for."""
    with opened(browser, report) as tab:
        ground = "getComputedStyle(document.body).backgroundColor"
        before = tab.evaluate(ground)
        tab.locator("button.theme").click()
        assert tab.evaluate(ground) != before
        tab.locator("button.theme").click()
        assert tab.evaluate(ground) == before


def test_nothing_is_lost_without_scripts(browser: Any, build: Build, estimated: Build, report: Path) -> None:
    """Without JavaScript every row, every section and every link is there."""
    page = page_of(estimated(build()))
    with opened(browser, report, scripts=False) as tab:
        assert tab.locator("#points-table tbody tr").count() == len(page.points.rows)
        assert tab.locator("button").count() == 0
        assert tab.locator("main > section > h2").count() == tab.locator("nav li").count()
        tab.locator("#cells-table a[data-shows]").first.click()
        assert tab.url.endswith("#points")


def test_the_keyboard_reaches_everything(browser: Any, report: Path) -> None:
    """The first stop leads past the contents, and every box that scrolls can be reached."""
    with opened(browser, report, width=390) as tab:
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        assert tab.evaluate(
            "[...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth).every(box => box.tabIndex === 0)"
        )

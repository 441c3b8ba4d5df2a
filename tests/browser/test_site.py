"""The site, built once from what is stored: its links lead, its pictures move, it asks nobody."""

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ELSEWHERE = ("http:", "https:", "//", "mailto:")
REPOSITORY = "regtutor/regtutor"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built site; a warning of the build is an error."""
    if importlib.util.find_spec("sphinx_book_theme") is None:
        pytest.skip("the site's programs are not here: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", folder / "trees"]
    built = subprocess.run([*words, ROOT / "docs", folder / "html"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder / "html"


class Page(HTMLParser):
    """What a page names, what it leads to, and what it loads."""

    def __init__(self, file):
        super().__init__()
        self.names, self.links, self.loads = set(), [], []
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.names |= {given.get("id"), given.get("name") if tag == "a" else None}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        kinds = (given.get("rel") or "").split()
        if tag == "link" and {"stylesheet", "preload", "icon", "preconnect"} & {*kinds}:
            self.loads.append(given["href"])
        self.loads += [
            given[name] for name in ("src", "srcset", "poster", "data") if given.get(name)
        ]


@pytest.fixture(scope="session")
def pages(site):
    """File → `Page`, of the whole site."""
    files = [file for file in site.rglob("*.html") if "_static" not in file.parts]
    return {file: Page(file) for file in files}


def test_every_link_leads_somewhere(site, pages):
    lost = []
    for file, page in pages.items():
        for link in [*page.links, *page.loads]:
            if link.startswith((*ELSEWHERE, "data:")):
                continue
            there, _, name = unquote(link).partition("#")
            target = (file.parent / there.partition("?")[0]).resolve() if there else file
            named = not name or target not in pages or name in pages[target].names
            if not (target.is_file() and named):
                lost.append((file.name, link))
    assert not lost
    assert sum(len(page.links) for page in pages.values()) > 1000


def test_nothing_is_loaded_from_elsewhere(site, pages):
    loads = [(file.name, load) for file, page in pages.items() for load in page.loads]
    assert len(loads) > 10 * len(pages)
    assert not [pair for pair in loads if pair[1].startswith(ELSEWHERE)]
    styles = "".join(file.read_text("utf-8") for file in site.rglob("*.css"))
    assert not re.findall(r"(?:url\(\s*['\"]?|@import\s+['\"])(?:https?:)?//[^)]*", styles)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_its_page(site, pages, notebook):
    file = site / "notebooks" / f"{notebook.stem}.html"
    text, links = file.read_text("utf-8"), pages[file].links
    assert re.search(rf"<h1>{notebook.stem[:2]} · .+\?<a", text)
    of_ours = rf"/{REPOSITORY}/(?:blob/)?main.*notebooks(?:/|%2F){notebook.name}"
    for host in ("https://colab.research.google.com/github", "https://mybinder.org/v2/gh"):
        assert [link for link in links if link.startswith(host) and re.search(of_ours, link)]
    assert [link for link in links if re.match(r"\.\./api/\w+\.html#regtutor\.", link)]
    assert f'href="notebooks/{file.name}"' in (site / "index.html").read_text("utf-8")


def test_library_and_notebooks_lead_to_each_other(site, pages):
    there = pages[site / "api" / "deformation.html"]
    assert "../notebooks/02_warp.html" in there.links
    assert "regtutor.deformation.warp.Warp" in there.names
    link = "../api/deformation.html#regtutor.deformation.warp.Warp"
    assert link in pages[site / "notebooks" / "02_warp.html"].links


@pytest.fixture
def opened(page, site):
    def go(name, width=1000):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto((site / f"{name}.html").as_uri())
        return page

    return go


def figure(page, title):
    """The stored picture of that title."""
    box = page.locator(".rt").filter(has=page.locator("strong", has_text=title))
    box.locator("canvas:visible").first.wait_for()
    return box


def test_a_stored_viewer_moves(opened):
    box = figure(opened("notebooks/01_see_it_move"), "A validation person, epoch by epoch")
    canvas, slider = box.locator("canvas:visible"), box.get_by_label("state", exact=True)
    before, words = canvas.evaluate("c => c.toDataURL()"), box.inner_text()
    slider.focus()
    slider.press("Home")
    canvas.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert canvas.evaluate("c => c.toDataURL()") != before
    assert box.inner_text() != words
    assert slider.get_attribute("aria-valuetext") in box.inner_text()


def test_a_stored_field_pad_scores_a_push(opened):
    page = opened("notebooks/01_see_it_move")
    box = figure(page, "Push the inhaled chest")
    row, hand = box.locator("tr", has_text="Landmark error"), box.locator("canvas.hand")
    now, nothing = row.locator("td").all_inner_texts()
    assert now == nothing
    hand.scroll_into_view_if_needed()
    area = hand.bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] * 0.6
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 15, steps=3)
    page.mouse.up()
    page.wait_for_timeout(100)
    pushed, still = row.locator("td").all_inner_texts()
    assert pushed != now
    assert still == nothing


def test_formulas_are_typeset(opened):
    page = opened("glossary")
    page.locator("mjx-container mjx-mi").first.wait_for()
    page.evaluate("document.fonts.ready")
    fonts = page.evaluate("[...document.fonts].filter((f) => f.status === 'loaded').length")
    assert fonts >= 2
    assert page.locator("mjx-container").count() == page.locator(".math").count() > 5
    assert "\\mathrm" not in page.locator("article").inner_text()


def test_the_search_finds_a_word(page, site):
    page.goto((site / "search.html").as_uri() + "?q=diffeomorphic")
    page.locator("#search-results a", has_text="Glossary").first.wait_for()


def test_every_page_fits_a_phone(opened, pages, site):
    wide = {}
    for file in pages:
        page = opened(file.relative_to(site).with_suffix(""), width=390)
        width = page.evaluate("document.documentElement.scrollWidth")
        wide |= {file.name: width} if width > 390 else {}
    assert not wide


CONTRAST = """
(element) => {
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  let under = element;
  while (under && (numbers(getComputedStyle(under).backgroundColor)[3] ?? 1) === 0)
    under = under.parentElement;
  const pair = [getComputedStyle(element).color, getComputedStyle(under).backgroundColor];
  const [low, high] = pair.map((c) => light(numbers(c))).sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_and_words_are_readable(page, opened, scheme):
    page.emulate_media(color_scheme=scheme)
    opened("notebooks/01_see_it_move")
    assert page.locator("html").get_attribute("data-theme") == scheme
    box = figure(page, "Push the inhaled chest")
    for name in ("strong", "figcaption", "td", "p", "label", "button"):
        assert box.locator(name).first.evaluate(CONTRAST) > 7, name
    assert page.locator("article p").first.evaluate(CONTRAST) > 7
    stored = page.locator(".cell_output img").first
    assert stored.evaluate("i => getComputedStyle(i).filter") == "none"

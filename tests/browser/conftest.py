"""A page of headless Chromium that notes errors and requests; skipped where there is none."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import sync_playwright

CHROMIUM = os.environ.get("REGTUTOR_CHROMIUM") or shutil.which("chromium")


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    """Fails the test that left an error in the console or asked for anything from elsewhere."""
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    page, troubles = context.new_page(), []
    page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    page.on(
        "console",
        lambda line: line.type == "error" and troubles.append(f"console: {line.text}"),
    )
    page.on(
        "request",
        lambda asked: (
            asked.url.startswith(
                ("data:", "blob:", "file:", "http://127.0.0.1", "http://localhost")
            )
            or troubles.append(f"request: {asked.url}")
        ),
    )
    yield page
    context.close()
    assert not troubles


@pytest.fixture
def as_page(tmp_path):
    """`as_page(live)` → the address of a static page with the stored output and nothing else."""

    def write(live, name: str = "page.html") -> str:
        path = Path(tmp_path) / name
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        body = f"<title>A stored output</title><body>{live.to_html()}</body>"
        path.write_text(f"<!doctype html>{head}{body}", "utf-8")
        return path.as_uri()

    return write


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """`lab(notebook)` → the address at which a JupyterLab of our own shows it; `trusted` or not."""
    folder, home = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("home")
    folders = ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
             "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}",
             "--LabApp.news_url=None"]  # fmt: skip
    env = {**os.environ, **{name: str(home / name) for name in folders}, "OMP_NUM_THREADS": "1"}
    with (home / "log").open("w") as log:
        server = subprocess.Popen(words, env=env, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"

    def show(notebook, trusted: bool = False) -> str:
        notebook.metadata.kernelspec = {"display_name": "Python 3 (ipykernel)", "name": "python3"}
        name = f"{len(list(folder.iterdir()))}.ipynb"
        nbformat.write(notebook, folder / name)
        if trusted:
            trust = [sys.executable, "-m", "jupyter", "trust", str(folder / name)]
            subprocess.run(trust, env=env, check=True, capture_output=True)
        return f"{address}/doc/tree/{name}"

    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api", timeout=1).close()
                break
            time.sleep(0.2)
        yield show
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:  # a busy machine: it still asks its kernels to end
            server.kill()
            server.wait()


@pytest.fixture
def run_cell():
    """`run_cell(page, index)`: start one cell of the open notebook; `wait` until it has ended."""

    def run(page, index, wait=True):
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=60_000)
        cell = page.locator(".jp-CodeCell").nth(index)
        prompt = cell.locator(".jp-InputPrompt")
        while not re.search(r"[\d*]", prompt.inner_text()):  # a page that still loads loses keys
            cell.locator(".cm-content").click()
            page.keyboard.press("Control+Enter")
            page.wait_for_timeout(500)
        if wait:
            prompt.filter(has_text=re.compile(r"\d")).wait_for(timeout=60_000)
        return cell

    return run


@pytest.fixture
def as_notebook():
    """`as_notebook(live)` → a notebook of three cells; the second stores its baked output."""

    def write(live):
        data, _ = live._repr_mimebundle_()
        data = {kind: value for kind, value in data.items() if "widget" not in kind}
        cell = new_code_cell("live", outputs=[new_output("display_data", data=data)])
        return new_notebook(cells=[new_code_cell("1"), cell, new_code_cell("2")])

    return write


@pytest.fixture
def as_site(tmp_path):
    """`as_site(notebook)` → the address of the page that nbconvert makes of it."""

    def write(notebook) -> str:
        writer = HTMLExporter(template_name="lab", mathjax_url="", require_js_url="")
        page, _ = writer.from_notebook_node(notebook)
        page = re.sub(r'<script src="http[^>]*></script>', "", page)  # its own, of other uses
        (tmp_path / "site.html").write_text(page, "utf-8")
        return (tmp_path / "site.html").as_uri()

    return write


@pytest.fixture(scope="session")
def as_sphinx(tmp_path_factory):
    """`as_sphinx(notebook)` → the address of the page that the site's programs make of it."""
    pytest.importorskip("sphinx_book_theme", reason="pip install -e '.[docs]'")
    conf = """extensions, html_theme = ["myst_nb", "sphinx_book_theme"], "sphinx_book_theme"
nb_execution_mode, nb_ipywidgets_js = "off", {}
html_context = {"default_mode": "auto"}"""
    made = {}  # one build for all tests of one output

    def write(notebook) -> str:
        stored = str([cell.get("outputs") for cell in notebook.cells])
        if stored not in made:
            folder = tmp_path_factory.mktemp("sphinx")
            (folder / "conf.py").write_text(conf, "utf-8")
            titled = new_notebook(cells=[new_markdown_cell("# Stored"), *notebook.cells])
            nbformat.write(titled, folder / "index.ipynb")
            words = [sys.executable, "-m", "sphinx", "-q", folder, folder / "html"]
            subprocess.run(words, check=True, capture_output=True)
            made[stored] = (folder / "html" / "index.html").as_uri()
        return made[stored]

    return write


@pytest.fixture(params=["page", "nbconvert", "site", "jupyterlab"])
def anywhere(request):
    """`anywhere(live)` → the address of its stored output: wherever a reader may meet it."""
    get = request.getfixturevalue
    if request.param == "page":
        return get("as_page")
    notebook_of = get("as_notebook")
    if request.param == "jupyterlab":
        return lambda live: get("lab")(notebook_of(live), trusted=True)
    address_of = get({"nbconvert": "as_site", "site": "as_sphinx"}[request.param])
    return lambda live: address_of(notebook_of(live))

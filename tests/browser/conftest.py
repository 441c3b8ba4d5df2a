"""A page of headless Chromium that notes errors and requests; skipped where there is none."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
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

"""JupyterLab on 127.0.0.1, driven by Debian's chromium: opens notebooks, runs them, and times what a key does.

with chromium() as browser, jupyterlab(folder) as lab:
    page = lab.open(browser, "lesson.ipynb")
    page.run_all()
    page.tab.locator(".mt-canvas").press("ArrowUp")
    page.assert_quiet()
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # else a cell that is not in view is not drawn
    "apputils-extension/notification": {"fetchNews": "false"},
}


def need_chromium() -> None:
    """Skip the test where there is no chromium; on CI that is a failure, else nobody would see it."""
    if Path(CHROMIUM).exists():
        return
    reason = "no chromium here; Debian: apt install chromium"
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must run the browser tests, but there is {reason}")
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser (playwright). A page that is opened in it reaches nothing but what is on this machine."""
    need_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def jupyterlab(folder: Path, env: dict[str, str] | None = None) -> Iterator[Lab]:
    """A JupyterLab server for the notebooks in `folder`, with settings of its own; `env` is added for its kernels."""
    with tempfile.TemporaryDirectory(prefix="lab") as private:
        home = Path(private)
        for name, settings in SETTINGS.items():
            path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings))
        own = {
            "JUPYTERLAB_SETTINGS_DIR": home / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
            "JUPYTER_CONFIG_DIR": home / "config",
            "JUPYTER_DATA_DIR": home / "data",
            "JUPYTER_RUNTIME_DIR": home / "runtime",
            "IPYTHONDIR": home / "ipython",
        }
        token = secrets.token_hex(16)
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser", "--allow-root"),
            *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.root_dir={folder}"),
            f"--IdentityProvider.token={token}",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]
        with (home / "log").open("w") as log:
            server = subprocess.Popen(
                command,
                env=os.environ | {name: str(path) for name, path in own.items()} | (env or {}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Lab(_address(server, home), token, folder)
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def write_notebook(path: Path, cells: list[str]) -> Path:
    """A notebook of code cells. Without a kernel's name in it JupyterLab would ask for one and wait."""
    import nbformat

    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    nbformat.write(notebook, path)
    return path


def _address(server: subprocess.Popen, home: Path, limit: float = 90) -> str:
    end = time.monotonic() + limit
    while time.monotonic() < end and server.poll() is None:
        for path in (home / "runtime").glob("jpserver-*.json"):
            try:
                return json.loads(path.read_text())["url"]
            except json.JSONDecodeError:
                pass  # half written
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{(home / 'log').read_text()[-4000:]}")


@dataclass
class Lab:
    """A running server: `url`, its `token`, and the `folder` of its notebooks."""

    url: str
    token: str
    folder: Path

    def open(self, browser: Any, notebook: str, size: tuple[int, int] = (1280, 1000), limit: float = 120) -> Notebook:
        """Open `notebook` (a path in the folder) in a new context of the browser, and wait for its kernel."""
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
        page = Notebook(context.new_page())
        workspace = secrets.token_hex(4)  # in the same one JupyterLab would open the notebooks of before again
        page.tab.goto(f"{self.url}lab/workspaces/{workspace}/tree/{notebook}?token={self.token}")
        page.tab.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell.currentWidget;
                return panel?.sessionContext?.session?.kernel?.status === "idle" && panel.content.widgets?.length;
            }""",
            timeout=limit * 1000,
        )
        return page


@dataclass
class Notebook:
    """A notebook in a `tab` (playwright's page), with all that its console said and all that it asked for."""

    tab: Any
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tab.on("console", lambda message: self.console.append(message.text) if message.type == "error" else None)
        self.tab.on("pageerror", lambda error: self.console.append(f"{error}\n{getattr(error, 'stack', '')}"))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("websocket", lambda socket: self.requests.append(socket.url))

    def run_all(self, limit: float = 300) -> None:
        """Run all cells and wait for the last; an error in one fails the test with its traceback."""
        self.tab.evaluate("() => void jupyterapp.commands.execute('notebook:run-all-cells')")
        cells = self.tab.wait_for_function(
            """() => {
                const panel = jupyterapp.shell.currentWidget;
                const cells = panel.content.widgets.filter((cell) => cell.model.type === "code").map((cell) => ({
                    source: cell.model.sharedModel.getSource(),
                    done: cell.model.executionCount !== null && cell.model.executionState !== "running",
                    errors: cell.model.outputs.toJSON().filter((output) => output.output_type === "error"),
                }));
                const idle = panel.sessionContext.session.kernel.status === "idle";
                const all = cells.every((cell) => cell.done || !cell.source.trim());
                return cells.some((cell) => cell.errors.length) || (idle && all) ? cells : false;
            }""",
            timeout=limit * 1000,
        ).json_value()
        for cell in cells:
            for error in cell["errors"]:
                raise AssertionError(f"{error['ename']}: {error['evalue']}\nin the cell\n{cell['source']}")

    def theme(self, dark: bool) -> None:
        """Switch JupyterLab between its light and its dark theme."""
        name = f"JupyterLab {'Dark' if dark else 'Light'}"
        self.tab.evaluate(
            "async (theme) => { await jupyterapp.commands.execute('apputils:change-theme', {theme}); }", name
        )
        self.tab.wait_for_function("(light) => document.body.dataset.jpThemeLight === light", arg=str(not dark).lower())
        # until the splash screen is gone: of switches that overlap JupyterLab removes it twice, an error of its own
        self.tab.wait_for_function("() => !document.getElementById('jupyterlab-splash')")

    def picture(self, locator: Any) -> list:
        """What is on a canvas: its size and a sum of its pixels that depends on their order."""
        return locator.evaluate(
            """(canvas) => {
                const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                let sum = 0;
                for (let i = 0; i < data.length; i++) sum = (sum * 31 + data[i]) | 0;
                return [canvas.width, canvas.height, sum];
            }"""
        )

    def ask(self, code: str) -> str:
        """What the notebook's kernel prints for `code`, once it knows all that the widgets were told.

        A widget holds back what changes while a message is on its way, and sends it when the kernel is idle again.
        """
        if code != "pass":
            self.ask("pass")
        return self.tab.evaluate(
            """async (code) => {
                const future = jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code});
                let text = "";
                future.onIOPub = ({header, content}) => {
                    if (header.msg_type === "stream") text += content.text;
                    if (header.msg_type === "error") text += content.traceback.join("\\n");
                };
                await future.done;
                return text.trim();
            }""",
            code,
        )

    def time_keys(self, locator: Any, *keys: str, moves: int = 20) -> tuple[float, float]:
        """Median milliseconds from a real key press to the end of drawing, and to the frame on the screen.

        `keys` are pressed in turn, each must have an effect on what `locator` finds.
        Drawing has ended when the last listener of the key (or of the input that it causes) has returned.
        """
        locator.evaluate(
            """(node) => {
                const times = window.mtTimes = [];
                let start = null;
                const ended = () => {
                    if (start === null) return;
                    const one = {drawn: performance.now() - start, from: start};
                    start = null;
                    times.push(one);
                    requestAnimationFrame(() => setTimeout(() => (one.shown = performance.now() - one.from)));
                };
                window.addEventListener("keydown", () => (start = performance.now()), true);
                if (node.type === "range") node.addEventListener("input", ended);
                else node.addEventListener("keydown", ended);
            }"""
        )
        locator.focus()
        for move in range(moves):
            self.tab.keyboard.press(keys[move % len(keys)])
            self.tab.wait_for_function("() => mtTimes.length && mtTimes.at(-1).shown !== undefined")
        times = self.tab.evaluate("() => mtTimes")
        assert len(times) == moves, f"{len(times)} of {moves} presses of {keys} were answered"
        return tuple(sorted(one[what] for one in times)[moves // 2] for what in ("drawn", "shown"))

    def assert_quiet(self) -> None:
        """No error on the console, and no request to anything but this machine."""
        outside = [url for url in self.requests if urlsplit(url).hostname not in ("127.0.0.1", "localhost", "", None)]
        assert not outside, f"requests that leave this machine: {outside}"
        assert not self.console, f"errors on the console: {self.console}"

    def close(self) -> None:
        self.tab.context.close()


def run_module(browser: Any, source: str, expression: str, argument: Any = None) -> Any:
    """The value of `expression`, in which `module` is the ES module `source` and `argument` what is handed over."""
    page = browser.new_page()
    try:
        return page.evaluate(
            f"""async ([source, argument]) => {{
                const url = URL.createObjectURL(new Blob([source], {{type: "text/javascript"}}));
                const module = await import(url);
                return {expression};
            }}""",
            [source, argument],
        )
    finally:
        page.close()

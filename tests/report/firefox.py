"""A headless Firefox for the tests of reports, driven by WebDriver BiDi (W3C) over its socket."""

import asyncio
import base64
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

_START = 60.0  # s


class Page:
    """A tab of the browser."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._ids, self.console = socket, itertools.count(1), []
        self._context = ""

    async def open(self) -> None:
        """Start the session, and hear what the console says."""
        await self.send("session.new", capabilities={})
        await self.send("session.subscribe", events=["log.entryAdded"])
        tree = await self.send("browsingContext.getTree")
        self._context = tree["contexts"][0]["context"]

    async def send(self, method: str, **parameters: Any) -> Any:
        """Send a command, and return its result."""
        own = next(self._ids)
        if self._context:
            parameters = {"context": self._context} | parameters
        text = json.dumps({"id": own, "method": method, "params": parameters})
        await self._socket.write_message(text)
        while True:
            found = json.loads(await self._socket.read_message())
            if found.get("method") == "log.entryAdded":
                self.console.append(found["params"]["text"])
            elif found.get("id") == own:
                assert found["type"] == "success", found
                return found["result"]

    async def visit(self, url: str, width: int = 1280, height: int = 900) -> None:
        """Open a page in a window of this size."""
        await self.send("browsingContext.setViewport", viewport={"width": width, "height": height})
        await self.send("browsingContext.navigate", url=url, wait="complete")

    async def run(self, script: str) -> Any:
        """Return what a script, the body of an asynchronous function, returns."""
        found = await self.send(
            "script.evaluate", awaitPromise=True, target={"context": self._context},
            expression=f"(async () => {{ {script} }})().then(JSON.stringify)",
        )  # fmt: skip
        assert found["type"] == "success", found
        return json.loads(found["result"].get("value", "null"))

    async def keys(self, *keys: str) -> None:
        """Press keys, as a user does."""
        actions = [{"type": way, "value": key} for key in keys for way in ("keyDown", "keyUp")]
        await self.send("input.performActions", actions=[
            {"type": "key", "id": "keyboard", "actions": actions}
        ])  # fmt: skip

    async def drag(self, *places: tuple[float, float]) -> None:
        """Drag the mouse along points of the window."""
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 60}
                 for x, y in places]  # fmt: skip
        actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:],
                   {"type": "pointerUp", "button": 0}]  # fmt: skip
        await self.send("input.performActions", actions=[
            {"type": "pointer", "id": "mouse", "actions": actions}
        ])  # fmt: skip

    async def picture(self, path: Path) -> None:
        """Save the whole page as an image."""
        found = await self.send("browsingContext.captureScreenshot", origin="document")
        path.write_bytes(base64.b64decode(found["data"]))

    async def print_to(self, path: Path) -> None:
        """Print the page to a PDF."""
        found = await self.send("browsingContext.print", background=True)
        path.write_bytes(base64.b64decode(found["data"]))


def in_firefox(folder: Path, visit: Callable[[Page], Awaitable[Any]]) -> Any:
    """Return what a visit returns; skips the test where there is no Firefox."""
    path = shutil.which("firefox") or shutil.which("firefox-esr")
    if path is None:
        pytest.skip("no Firefox here")
    return asyncio.run(_driven(path, folder / "profile", visit))


async def _driven(path: str, profile: Path, visit: Callable[[Page], Awaitable[Any]]) -> Any:
    from tornado.websocket import websocket_connect

    profile.mkdir()
    arguments = ("--headless", "--no-remote", "--profile", str(profile),
                 "--remote-debugging-port=0", "about:blank")  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        path, *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        address = await asyncio.wait_for(_address(process), _START)
        socket = await websocket_connect(f"{address}/session", max_message_size=2**28)
        page = Page(socket)
        await page.open()
        return await visit(page)
    finally:
        process.kill()
        await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _address(process: Any) -> str:
    while line := (await process.stderr.readline()).decode(errors="replace"):
        if found := re.search(r"BiDi listening on (ws://\S+)", line):
            return found[1]
    raise RuntimeError("Firefox ended before it listened")

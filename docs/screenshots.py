"""Photographs every screen of the demo marketplace for the documentation: ``python docs/screenshots.py [NAME ...]``.

Sets a demo up in a folder of its own, trains its model (a minute or two; ``SCREENSHOT_DATA_DIR`` keeps it for the next time),
serves it, and writes ``docs/images/NAME.png``. Needs Chromium.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ADMIN = "/admin/ad_autocategorize"
WIDTH, HEIGHT = 1100, 720

# Sellers of the demo write Spanish; the pages are photographed in English, as the documentation is.
TITLE = "iphone 13 128gb libre"


def ad_form(page: Page) -> None:
    page.goto("/ads/new/")
    page.type("#id_title", TITLE, delay=20)
    page.wait_for_selector(".aac-list [role=option]")
    page.keyboard.press("ArrowDown")


def category_picker(page: Page) -> None:
    ad_form(page)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.aac-picker-level').length > 2")


def car_photo(page: Page) -> None:
    page.goto("/ads/new/")
    page.set_input_files("#id_photos", car_picture())
    page.wait_for_selector(".aac-car-undo", timeout=60_000)
    page.locator(".aac-photos-list").first.scroll_into_view_if_needed()


def overview(page: Page) -> None:
    page.goto(f"{ADMIN}/moderation/")


def review(page: Page) -> None:
    page.goto(f"{ADMIN}/labelissue/review/?kind__exact=error")


def queue(page: Page) -> None:
    page.goto(f"{ADMIN}/labelissue/")


def bulk_action(page: Page) -> None:
    page.goto(f"{ADMIN}/labelissue/?kind__exact=error")
    page.check("#action-toggle")
    page.select_option("select[name=action]", "accept_selected")
    page.click("button[name=index]")
    page.wait_for_selector(".submit-row")


def car_review(page: Page) -> None:
    page.goto(f"{ADMIN}/carissue/review/")


def decisions(page: Page) -> None:
    page.goto(f"{ADMIN}/reviewdecision/")


def health(page: Page) -> None:
    page.goto(f"{ADMIN}/taxonomyfinding/")


def merge(page: Page) -> None:
    health(page)
    page.locator(".health-buttons a[href*='merge']").first.click()
    page.wait_for_selector(".submit-row")


def feedback(page: Page) -> None:
    page.goto(f"{ADMIN}/suggestionevent/feedback/")


def model_versions(page: Page) -> None:
    page.goto(f"{ADMIN}/modelversion/")


def category_check(page: Page) -> None:
    page.goto("/admin/marketplace/ad/")


# What stands first is needed by what comes after: a decision is made before the list of decisions is photographed.
SELLERS: dict[str, Callable[[Page], None]] = {
    "ad-form": ad_form,
    "category-picker": category_picker,
    "car-photo": car_photo,
}
MODERATORS: dict[str, Callable[[Page], None]] = {
    "overview": overview,
    "review": review,
    "queue": queue,
    "bulk-action": bulk_action,
    "car-review": car_review,
    "decisions": decisions,
    "health": health,
    "merge": merge,
    "feedback": feedback,
    "model-versions": model_versions,
    "category-check": category_check,
}


def main(wanted: set[str]) -> None:
    with demo() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, screens in (("vendedora", SELLERS), ("moderador", MODERATORS)):
            context = browser.new_context(base_url=address, locale="en-GB", viewport={"width": WIDTH, "height": HEIGHT})
            page = context.new_page()
            log_in(page, name)
            if screens is MODERATORS:
                make_decisions(page)
            for screen, show in screens.items():
                if not wanted or screen in wanted:
                    show(page)
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=IMAGES / f"{screen}.png")
                    print(IMAGES / f"{screen}.png")
            context.close()
        browser.close()


def log_in(page: Page, name: str) -> None:
    page.goto("/login/")
    page.fill("#id_username", name)
    page.fill("#id_password", "demo")
    page.click("main button.button")
    page.wait_for_url("**/ads/mine/")


def make_decisions(page: Page) -> None:
    """Accept two suggestions and keep one ad, so that the lists have something to show."""
    review(page)
    for key in "aka":
        if page.locator(f"[data-key={key}]").count():
            page.keyboard.press(key)
            page.wait_for_selector("[data-review]:not([data-sending])")


def car_picture() -> str:
    """Return the file of a drawn car that the demo has not."""
    from marketplace.demo.car_pictures import DrawnCar, draw_car

    path = Path(tempfile.gettempdir()) / "screenshot-car.jpg"
    path.write_bytes(draw_car(DrawnCar("Volkswagen", "Gol", "Hatchback", "Rojo", 2012), random.Random(5)))  # noqa: S311
    return str(path)


@contextmanager
def demo() -> Iterator[str]:
    """Serve a trained demo, and yield its address."""
    kept = os.environ.get("SCREENSHOT_DATA_DIR")
    folder = Path(kept or tempfile.mkdtemp(prefix="screenshots-"))
    environment = {**os.environ, "MARKETPLACE_DATA_DIR": str(folder)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def manage(*arguments: str) -> None:
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)

    if not (folder / "models").exists():
        manage("set_up_demo")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "manage.py", "runserver", "--noreload", address]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(f"http://{address}/login/")
            yield f"http://{address}"
        finally:
            server.terminate()
    if not kept:
        shutil.rmtree(folder)


def wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address).close()  # noqa: S310
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(address)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(set(sys.argv[1:]))

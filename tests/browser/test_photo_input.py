"""Photos chosen, dropped, pasted or taken: shown, removed, sent; and what becomes of the form where the line is bad."""

import base64

import pytest

from marketplace.models import Ad, AdPhoto
from tests.browser.test_accessibility import SCREENS, axe, faults, fits  # noqa: F401 - a fixture
from tests.browser.test_bad_days import WATCH, fill, form, photo  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Hands files to the page as a drop or as a paste does.
HAND_OVER = """([selector, kind, files]) => {
    const data = new DataTransfer();
    for (const [name, type, content] of files) {
        const bytes = Uint8Array.from(atob(content), (char) => char.charCodeAt(0));
        data.items.add(new File([bytes], name, { type }));
    }
    const options = { bubbles: true, cancelable: true };
    const event = kind === "paste"
        ? new ClipboardEvent(kind, { ...options, clipboardData: data })
        : new DragEvent(kind, { ...options, dataTransfer: data });
    return !document.querySelector(selector).dispatchEvent(event);
}"""


def hand_over(page, selector, kind, *files):
    """Dispatch the event; return whether the page took it."""
    coded = [(name, mime, base64.b64encode(content).decode()) for name, mime, content in files]
    return page.evaluate(HAND_OVER, [selector, kind, coded])


def upload(name):
    return {"name": name, "mimeType": "image/jpeg", "buffer": photo()}


def names(page):
    return page.locator(".aac-photos-name").all_inner_texts()


def test_chosen_photos_are_drawn_under_the_strict_policy_and_can_be_removed(form):  # noqa: F811
    page = form()
    page.add_init_script(WATCH)
    page.reload()
    page.set_input_files("#id_photos", [upload("front.jpg"), upload("back.jpg")])
    drawn = """() => [...document.querySelectorAll('.aac-photos canvas')].filter((canvas) =>
        canvas.width === 60 && canvas.getContext('2d').getImageData(30, 20, 1, 1).data[0] > 200).length === 2"""
    page.wait_for_function(drawn)
    assert page.get_attribute(".aac-photos canvas", "role") == "img"
    assert page.get_attribute(".aac-photos canvas", "aria-label") == "Foto 1: front.jpg"
    page.click("[aria-label='Quitar front.jpg']")
    assert names(page) == ["back.jpg"]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Quitar back.jpg"
    fill(page)
    page.fill("#id_title", "con una foto")
    page.click("form.stacked > button.button")
    page.wait_for_selector("text=espera")
    assert AdPhoto.objects.get().ad.title == "con una foto"
    assert page.evaluate("violations") == []


def test_dropped_and_pasted_photos_join_those_chosen_and_are_sent(form):  # noqa: F811
    page = form()
    page.set_input_files("#id_photos", [upload("chosen.jpg")])
    assert hand_over(page, "#id_photos", "dragover", ("a.jpg", "image/jpeg", b""))
    assert page.locator(".aac-photos-over").count() == 1
    assert hand_over(page, "#id_photos", "drop", ("dropped.jpg", "image/jpeg", photo()))
    assert page.locator(".aac-photos-over").count() == 0
    assert hand_over(page, "#id_title", "paste", ("pasted.png", "image/png", photo("PNG")))
    assert names(page) == ["chosen.jpg", "dropped.jpg", "pasted.png"]
    assert "3" in page.inner_text(".aac-photos-status")
    fill(page)
    page.fill("#id_title", "con tres fotos")
    page.click("form.stacked > button.button")
    page.wait_for_selector("text=espera")
    assert AdPhoto.objects.filter(ad__title="con tres fotos").count() == 3
    assert page.reports == []


def test_what_is_no_photo_is_not_added_and_a_drop_beside_the_field_loses_nothing(form):  # noqa: F811
    page = form()
    page.fill("#id_title", "sofá")
    assert hand_over(page, "#id_photos", "drop", ("virus.exe", "application/x-msdownload", b"MZ"))
    assert names(page) == []
    assert "tipos permitidos" in page.inner_text(".aac-photos-status")
    # The browser would open it, in place of the form.
    assert hand_over(page, "h1", "drop", ("a.jpg", "image/jpeg", photo()))
    assert names(page) == []
    # Text is pasted as ever.
    assert not hand_over(page, "#id_description", "paste")
    assert page.input_value("#id_title") == "sofá"


def test_a_file_that_cannot_be_drawn_is_named_and_too_many_are_not_sent(form):  # noqa: F811
    page = form()
    page.set_input_files("#id_photos", [{**upload("broken.jpg"), "buffer": b"no photo"}])
    page.wait_for_function("() => !document.querySelector('.aac-photos canvas')")
    assert names(page) == ["broken.jpg"]
    fill(page)
    page.fill("#id_title", "siete fotos")
    page.set_input_files("#id_photos", [upload(f"{number}.jpg") for number in range(7)])
    assert "6" in page.inner_text(".aac-photos-status")
    page.click("form.stacked > button.button")
    page.wait_for_timeout(300)
    assert page.url.endswith("/ads/new/")
    assert len(names(page)) == 7
    page.click("[aria-label='Quitar 3.jpg']")
    page.click("form.stacked > button.button")
    page.wait_for_selector("text=espera")
    assert Ad.objects.get(title="siete fotos").photos.count() == 6


def test_a_phone_has_the_camera_and_keeps_the_gallery(form, axe):  # noqa: F811
    page = form(**SCREENS["phone"])
    assert page.get_attribute("#id_photos", "capture") is None
    with page.expect_file_chooser() as chooser:
        page.click("text=Sacar una foto")
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files([upload("camera.jpg")])
    assert names(page) == ["camera.jpg"]
    assert page.evaluate("document.querySelector('#id_photos').files.length") == 1
    page.wait_for_timeout(300)
    assert fits(page)
    assert faults(axe, page) == []
    assert page.locator(".aac-photos-remove").bounding_box()["width"] >= 24


def test_the_progress_of_a_slow_upload_and_another_photo_instead(form):  # noqa: F811
    page = form()
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    network.send("Network.emulateNetworkConditions", slow)
    page.evaluate(
        "window.shares = []; new MutationObserver(() => shares.push(document.querySelector('.aac-car-progress').value))"
        ".observe(document.querySelector('.aac-car-progress'), {attributes: true})"
    )
    large = {**upload("large.jpg"), "buffer": photo() + bytes(1_000_000)}
    page.set_input_files("#id_photos", [large])
    page.wait_for_selector(".aac-car-progress", state="visible")
    assert "Enviando" in page.inner_text(".aac-car-status")
    page.wait_for_function("() => shares.some((share) => share > 0.1 && share < 0.9)")
    network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    page.set_input_files("#id_photos", [upload("small.jpg")])
    page.wait_for_selector(".aac-car-progress", state="hidden")
    assert "Enviando" not in page.inner_text(".aac-car-status")
    assert names(page) == ["small.jpg"]


def test_a_line_that_stands_still_is_given_up_and_the_photo_is_sent_with_the_form(form):  # noqa: F811
    page = form()
    page.clock.install()
    page.route("**/suggestions/car/", lambda route: None)
    page.set_input_files("#id_photos", [upload("a.jpg")])
    page.wait_for_selector(".aac-car-progress", state="visible")
    page.clock.run_for(21_000)
    page.locator(".aac-car-status", has_text="complet").wait_for()
    assert page.locator(".aac-car-progress").is_hidden()
    page.unroute_all()
    fill(page)
    page.fill("#id_title", "sin respuesta")
    page.click("form.stacked > button.button")
    page.wait_for_selector("text=espera")
    assert AdPhoto.objects.filter(ad__title="sin respuesta").count() == 1


@pytest.mark.parametrize("status", [0, 429, 500])
def test_offline_and_failing_servers_keep_the_photos(form, status):  # noqa: F811
    page = form()
    page.route("**/api/**", lambda route: route.fulfill(status=status, body="<html>") if status else route.abort())
    page.set_input_files("#id_photos", [upload("a.jpg")])
    page.locator(".aac-car-status", has_text="complet").wait_for()
    assert names(page) == ["a.jpg"]
    assert page.locator(".aac-car-progress").is_hidden()

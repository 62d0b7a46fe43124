"""The start page in a browser: its photos, and the way from it to the form."""

import pytest

from marketplace.demo.samples import SAMPLES, draw_sample

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scripts", [True, False])
def test_photos_are_downloaded_with_and_without_scripts(open_page, scripts):
    page = open_page(java_script_enabled=scripts, accept_downloads=True)
    page.goto("/start/")
    with page.expect_download() as download:
        page.click(f"a[download='{SAMPLES[0].name}']")
    assert download.value.suggested_filename == SAMPLES[0].name
    assert download.value.path().read_bytes() == draw_sample(SAMPLES[0])
    # The others are there to be seen, but for the one that cannot.
    assert page.locator("img").count() == len(SAMPLES) - 1
    assert page.reports == []


def test_keys_alone_lead_from_the_start_page_to_the_form(open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    page.goto("/start/")
    page.focus("section[aria-labelledby=as-seller] .button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ads/new/")
    assert page.reports == []

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from ad_autocategorize.models import CarIssue
from ad_autocategorize.moderation.search.car_issues import find_car_issues
from ad_autocategorize.sources import get_source
from marketplace.models import Ad, AdPhoto
from taxonomy.models import Category
from taxonomy.tree import CategoryTree

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def ana(client, django_user_model, marketplace_tree, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    user = django_user_model.objects.get(username="ana")
    client.force_login(user)
    return user


def ad_data(**changes):
    category = Category.objects.get(name="Sillones").pk
    return {"title": "Sofá", "category": category, "price": "10", "currency": "ARS", "payment": "cash", **changes}


def photo(kind="JPEG", size=(60, 40), **options):
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, kind, **options)
    return SimpleUploadedFile("../../evil.php", buffer.getvalue())


def test_browsing_counts_search_and_pages(client, marketplace_tree, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        page = client.get("/").content.decode()
    assert "Vehículos" in page
    home = marketplace_tree.find(["Hogar"])
    assert '<span class="count">45</span>' in page
    assert client.get(reverse("category", args=[home])).context["paginator"].count == 45
    assert client.get("/", {"q": "SOFA"}).context["paginator"].count > 0
    assert (
        client.get("/", {"q": "Sofá"}).context["paginator"].count
        == client.get("/", {"q": "sofa"}).context["paginator"].count
    )
    assert client.get("/", {"q": "\x00%' OR 1=1 --"}).context["paginator"].count == 0
    assert client.get("/", {"page": "nonsense"}).status_code == 404


def test_a_new_ad_waits_unseen_until_it_is_published(client, ana):
    client.post(reverse("ad-create"), ad_data())
    ad = Ad.objects.get(title="Sofá")
    assert ad.status == Ad.Status.PENDING
    assert client.get(ad.get_absolute_url()).status_code == 200
    client.logout()
    assert client.get(ad.get_absolute_url()).status_code == 404
    assert client.get(reverse("ad-update", args=[ad.pk])).status_code == 302


def test_a_changed_ad_waits_again_and_others_cannot_change_it(client, ana, django_user_model):
    ad = Ad.objects.filter(seller=ana).first()
    client.post(reverse("ad-update", args=[ad.pk]), ad_data(title="Otro"))
    ad.refresh_from_db()
    assert (ad.title, ad.status) == ("Otro", Ad.Status.PENDING)
    client.force_login(django_user_model.objects.create(username="otra"))
    assert client.post(reverse("ad-update", args=[ad.pk]), ad_data()).status_code == 404


def test_photos_are_stored_anew_without_what_the_camera_wrote(client, ana):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8825] = {1: "S"}
    client.post(reverse("ad-create"), ad_data(photos=[photo(exif=exif, comment=b"home"), photo("PNG")]))
    stored = list(AdPhoto.objects.all())
    assert len(stored) == 2
    with Image.open(stored[0].image.path) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (40, 60), {})
        assert "comment" not in image.info
    assert stored[0].image.name.endswith(".jpg")
    assert "evil" not in stored[0].image.name


@pytest.mark.parametrize(
    "file",
    [
        SimpleUploadedFile("a.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        SimpleUploadedFile("a.jpg", b"<html><script>1</script>"),
        SimpleUploadedFile("a.jpg", photo().read()[:200]),
        photo("GIF"),
    ],
)
def test_what_is_no_photo_is_refused_and_the_form_keeps_its_input(client, ana, file):
    page = client.post(reverse("ad-create"), ad_data(photos=[file])).content.decode()
    assert "errorlist" in page
    assert 'value="Sofá"' in page
    assert not Ad.objects.filter(title="Sofá").exists()


def test_a_bomb_of_pixels_is_refused(client, ana):
    bomb = photo("PNG", size=(9000, 9000))
    assert "errorlist" in client.post(reverse("ad-create"), ad_data(photos=[bomb])).content.decode()


def write(tmp_path, text):
    path = tmp_path / "ads.csv"
    path.write_text(text)
    return str(path)


def test_ads_are_imported_with_their_categories_once(tmp_path):
    file = write(tmp_path, "id,title,category_path,date\n7,Sofá,Hogar > Sillones,2024-06-05 14:11:01\n8,Mesa,Hogar,\n")
    call_command("import_ads", file)
    call_command("import_ads", file)
    assert Ad.objects.count() == 2
    assert CategoryTree.load().find(["Hogar", "Sillones"])
    assert Ad.objects.get(import_id="7").created_at.year == 2024


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title\nx\n", "lacks category_path"),
        ("title,category_path\nSofá,Hogar\n,Hogar\n", "Line 3: the title is empty"),
        ("title,category_path,date\nSofá,Hogar,yesterday\n", "Line 2: 'yesterday' is no date"),
        ("title,category_path,date\nSofá,Hogar,2024-13-41\n", "Line 2"),
        ("title,category_path\nSofá,A > > B\n", "Line 2: the path has an empty step"),
        ("title,category_path\nSofá\n", "Line 2: the number of columns"),
    ],
)
def test_a_bad_file_imports_nothing(tmp_path, text, message):
    with pytest.raises(CommandError, match=message):
        call_command("import_ads", write(tmp_path, text))
    assert not Ad.objects.exists()
    assert not Category.objects.exists()


def test_the_demo_is_made_once_and_equal_seeds_make_equal_ads():
    call_command("create_demo", "--ads", "300", "--cars", "0")
    titles = list(Ad.objects.order_by("pk").values_list("title", flat=True))
    call_command("create_demo", "--ads", "300", "--cars", "0")
    assert Ad.objects.count() == 300
    assert len(CategoryTree.load()) > 300
    Ad.objects.all().delete()
    call_command("create_demo", "--ads", "300", "--cars", "0")
    assert list(Ad.objects.order_by("pk").values_list("title", flat=True)) == titles


def test_some_cars_of_the_demo_are_for_the_moderators(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    call_command("create_demo", "--ads", "10", "--cars", "12")
    find_car_issues(get_source(), timezone.now())
    fields = CarIssue.objects.order_by("field").values_list("field", flat=True)
    assert list(fields) == ["body_type", "body_type", "brand", "brand", "year", "year"]


def test_production_settings_pass_the_deployment_check():
    import os
    import subprocess
    import sys

    env = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    env |= {"MARKETPLACE_DEBUG": "0", "MARKETPLACE_SECRET_KEY": "k3y-" * 16 + "äöüßéèç", "PYTHONUTF8": "1"}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_a_car_that_nobody_made_is_refused(client, ana):
    from taxonomy.models import Brand, CarModel

    ford, audi = Brand.objects.create(name="Ford"), Brand.objects.create(name="Audi")
    ka = CarModel.objects.create(brand=ford, name="Ka", first_year=1997, last_year=2020)
    impossible = client.post(reverse("ad-create"), ad_data(brand=audi.pk, car_model=ka.pk))
    assert "car_model" in impossible.context["form"].errors
    assert "year" in client.post(reverse("ad-create"), ad_data(year=3000)).context["form"].errors
    client.post(reverse("ad-create"), ad_data(car_model=ka.pk, year=2010))
    assert Ad.objects.get(year=2010).brand == ford


def test_the_file_of_a_photo_goes_with_its_row(client, ana, django_capture_on_commit_callbacks):
    client.post(reverse("ad-create"), ad_data(photos=[photo()]))
    stored = AdPhoto.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        Ad.objects.filter(pk=stored.ad_id).delete()
    assert not stored.image.storage.exists(stored.image.name)


def test_what_is_transparent_turns_white(client, ana):
    buffer = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(buffer, "PNG")
    client.post(reverse("ad-create"), ad_data(photos=[SimpleUploadedFile("a.png", buffer.getvalue())]))
    with Image.open(AdPhoto.objects.get().image.path) as image:
        assert image.getpixel((10, 10)) == (255, 255, 255)

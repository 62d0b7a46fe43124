import pytest
from django.urls import reverse

from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.models import Category

pytestmark = [pytest.mark.django_db, pytest.mark.database]
URL = "admin:ad_taxonomy_category_changelist"


@pytest.fixture
def big_tree():
    upsert_categories(CategoryRow((f"m{n % 20}", f"s{n % 400}", f"leaf {n}")) for n in range(20_000))


def test_branches_open_one_at_a_time_in_few_queries(admin_client, big_tree, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        page = admin_client.get(reverse(URL)).content.decode()
    assert page.count("?parent__id__exact=") == 20
    assert "leaf 7<" not in page
    branch = Category.objects.get(name="m7")
    with django_assert_max_num_queries(14):
        page = admin_client.get(reverse(URL), {"parent__id__exact": branch.pk}).content.decode()
    assert "s7</a>" in page
    assert f'<strong aria-current="page">{branch.name}</strong>' in page


def test_it_works_in_a_themed_admin(admin_client, big_tree, settings):
    settings.INSTALLED_APPS = ["jazzmin", *settings.INSTALLED_APPS]
    branch = Category.objects.get(name="m7")
    page = admin_client.get(reverse(URL), {"parent__id__exact": branch.pk}).content.decode()
    assert "jazzmin" in page
    assert "s7</a>" in page
    assert f'<strong aria-current="page">{branch.name}</strong>' in page
    assert admin_client.get(reverse("admin:ad_taxonomy_category_change", args=[branch.pk])).status_code == 200


def test_a_search_looks_through_the_whole_tree(admin_client, big_tree):
    assert "leaf 13777</a>" in admin_client.get(reverse(URL), {"q": "leaf 13777"}).content.decode()


def test_nonsense_in_the_address_does_no_harm(admin_client, big_tree):
    for nonsense in ("x", "9" * 30, "9" * 5000):
        assert admin_client.get(reverse(URL), {"parent__id__exact": nonsense}).status_code in (200, 302)


def test_deleting_through_the_admin_keeps_the_tree_whole(admin_client, big_tree):
    leaves = list(Category.objects.filter(name__startswith="leaf 1")[:3].values_list("pk", flat=True))
    data = {"action": "delete_selected", "_selected_action": leaves, "post": "yes"}
    address = f"{reverse(URL)}?q=leaf+1"
    admin_client.post(address, data)
    from taxonomy.tree_columns import find_damage

    assert not Category.objects.filter(pk__in=leaves).exists()
    assert list(find_damage()) == []

import threading

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction

from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.locking import current_version, tree_write
from taxonomy.models import Category
from taxonomy.tree import CategoryTree
from taxonomy.tree_columns import find_damage

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def tree():
    upsert_categories(CategoryRow(path) for path in [("A", "B", "C"), ("A", "D"), ("E",)])
    return CategoryTree.load()


def get(name):
    return Category.objects.get(name=name)


def test_paths_cost_one_query_at_most(tree, django_assert_num_queries):
    category, root = get("C"), get("E")
    with django_assert_num_queries(1):
        assert category.path_names() == ("A", "B", "C")
    with django_assert_num_queries(0):
        assert root.path_ids() == (root.pk,)


def test_the_snapshot_answers_without_queries(tree, django_assert_num_queries):
    with django_assert_num_queries(0):
        c = tree.find(["A", "B", "C"])
        assert tree.path_names(c) == ("A", "B", "C")
        assert [tree.name(pk) for pk in tree] == ["A", "B", "C", "D", "E"]
        assert [tree.name(pk) for pk in tree.children(None)] == ["A", "E"]
        assert tree.parent(c) == tree.find(["A", "B"])
        with pytest.raises(KeyError, match="not in the tree"):
            tree.path_ids(0)


def test_below_an_inactive_category_nothing_is_active(tree):
    Category.objects.filter(name="B").update(is_active=False)
    assert [CategoryTree.load().name(pk) for pk in CategoryTree.load()] == ["A", "D", "E"]
    assert len(CategoryTree.load(include_inactive=True)) == 5


@pytest.mark.parametrize("parent", [None, "A"])
def test_siblings_have_unique_names_at_the_top_too(tree, parent):
    name = "D" if parent else "E"
    with pytest.raises(IntegrityError), transaction.atomic():
        Category.objects.create(name=name, parent=get(parent) if parent else None)


def test_a_category_cannot_move_under_itself(tree):
    category = get("A")
    category.parent = get("C")
    with pytest.raises(ValidationError):
        category.full_clean()


def test_every_write_raises_the_version(tree):
    before = current_version()
    Category.objects.create(name="F")
    get("F").delete()
    assert current_version() > before + 1


def test_a_stale_instance_does_not_damage_the_tree(tree):
    stale, other = get("D"), get("D")
    other.parent = get("E")
    other.save()
    Category.objects.create(name="0 first of all")
    stale.name = "D2"
    stale.save()
    assert list(find_damage()) == []


DAMAGE = [
    "UPDATE ad_taxonomy_category SET lft = 90 WHERE name = 'B'",
    "UPDATE ad_taxonomy_category SET level = 5 WHERE name = 'C'",
    "UPDATE ad_taxonomy_category SET tree_id = 77 WHERE name = 'D'",
    "UPDATE ad_taxonomy_category SET rght = rght + 2 WHERE name = 'A'",
    "UPDATE ad_taxonomy_category SET tree_id = (SELECT tree_id FROM ad_taxonomy_category WHERE name = 'A') WHERE name = 'E'",
]


@pytest.mark.parametrize("sql", DAMAGE)
def test_damage_is_found_and_repaired_from_the_parents(tree, sql, capsys):
    with connection.cursor() as cursor:
        cursor.execute(sql)
    with pytest.raises(CommandError, match="--repair"):
        call_command("check_taxonomy")
    call_command("check_taxonomy", "--repair")
    call_command("check_taxonomy")
    assert "sound" in capsys.readouterr().out
    assert get("C").path_names() == ("A", "B", "C")


def test_a_loop_of_parents_is_reported_and_not_hidden(tree):
    Category.objects.filter(name="A").update(parent=get("C"))
    with pytest.raises(CommandError, match="loop"):
        call_command("check_taxonomy", "--repair")


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_lose_nothing_and_damage_nothing():
    upsert_categories([CategoryRow(("A",)), CategoryRow(("B",)), CategoryRow(("M",))])
    errors = []

    def write(worker):
        try:
            for number in range(6):
                with tree_write():
                    parent = Category.objects.get(name="A" if (worker + number) % 2 else "B")
                Category.objects.create(name=f"{worker}-{number}", parent=parent)
                moving = Category.objects.get(name="M")
                moving.parent = parent if number % 3 else None
                moving.save()
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert Category.objects.count() == 3 + 4 * 6
    assert list(find_damage()) == []

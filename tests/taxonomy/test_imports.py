import gzip
import io
import json

import pytest
from django.core.management import CommandError, call_command

from taxonomy.bulk import CategoryRow, ImportRefused, upsert_categories
from taxonomy.locking import current_version
from taxonomy.models import Category
from taxonomy.tree import CategoryTree
from taxonomy.tree_columns import find_damage

pytestmark = [pytest.mark.django_db, pytest.mark.database]

FORMS = {
    "path column": "id,path\n1,A\n2,A > B\n3,A > B > C\n",
    "level columns": "id;level1;level2;level3\n1;A;;\n2;A;B;\n3;A;B;C\n",
    "numbered lines": "# Product taxonomy\n1 - A\n2 - A > B\n3 - A > B > C\n",
    "JSON": json.dumps(
        [{"id": 1, "name": "A", "children": [{"id": 2, "name": "B", "children": [{"id": 3, "name": "C"}]}]}]
    ),
}


def names():
    tree = CategoryTree.load()
    return [tree.path_names(pk) for pk in tree]


def run(tmp_path, text, *options, command="import_taxonomy"):
    path = tmp_path / "file"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    call_command(command, str(path), *options)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read_and_a_second_run_changes_nothing(form, tmp_path, capsys):
    run(tmp_path, FORMS[form])
    run(tmp_path, FORMS[form])
    first, second = capsys.readouterr().out.splitlines()
    assert "3 created, 0 updated, 0 unchanged" in first
    assert "0 created, 0 updated, 3 unchanged" in second
    assert names() == [("A",), ("A", "B"), ("A", "B", "C")]
    assert Category.objects.get(name="C").external_id == "3"
    assert list(find_damage()) == []


def test_names_may_change_places_and_categories_may_move(tmp_path):
    run(tmp_path, "id,path\n1,A\n2,A > B\n3,A > C\n")
    keys = dict(Category.objects.values_list("external_id", "pk"))
    run(tmp_path, "id,path\n1,A\n2,A > C\n3,A > B\n4,A > B > B\n")
    assert dict(Category.objects.exclude(external_id="4").values_list("external_id", "pk")) == keys
    run(tmp_path, "id,path\n3,B\n1,B > A\n2,B > A > C\n")
    assert Category.objects.get(external_id="2").path_names() == ("B", "A", "C")
    assert list(find_damage()) == []


def test_missing_ones_are_switched_off_only_when_asked_and_dry_run_writes_nothing(tmp_path, capsys):
    run(tmp_path, FORMS["path column"])
    run(tmp_path, "path\nA > X\n", "--dry-run", "--deactivate-missing")
    assert "1 created" in capsys.readouterr().out.splitlines()[-1]
    assert len(names()) == 3
    run(tmp_path, "path\nA > X\n")
    assert len(names()) == 4
    run(tmp_path, "path\nA > X\n", "--deactivate-missing")
    assert names() == [("A",), ("A", "X")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path\nA > B\nA > > C\n", "Line 3: the path has an empty step"),
        ("id,path\n1,A\n1,B\n", "Line 3: the id '1' appears twice"),
        ("id,path\n1,A\n2,A\n", "Line 3: the path 'A' appears with two"),
        ("level1,level2,level3\nA,,C\n", "Line 2: a level is empty"),
        ("path,x\nA,1\nB\n", "Line 3: the number of columns"),
        ("path\n" + "A" * 300 + "\n", "Line 2: the name"),
        ('[{"name": "A", "children": [{"foo": "B"}]}]', "Below A"),
        ("[{]", "Line 1: not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("", "There are no categories"),
        ("path\n", "There are no categories"),
        ("hello\n", "form of the file is not known"),
        ("path\nAños\n".encode("latin-1"), "not UTF-8: see line 2"),
        (b"\x1f\x8b\x08broken", "cannot be read"),
        (b"path\nA\x00B\n", "not a text file"),
    ],
)
def test_a_bad_file_is_explained_and_changes_nothing(text, message, tmp_path):
    run(tmp_path, "path\nOld\n")
    with pytest.raises(CommandError, match=message):
        run(tmp_path, text, "--deactivate-missing")
    assert names() == [("Old",)]


def test_gzip_and_byte_order_mark(tmp_path):
    run(tmp_path, gzip.compress("\ufeffpath\nA > Ñ\n".encode()))
    assert names() == [("A",), ("A", "Ñ")]


def test_a_category_cannot_be_moved_under_itself():
    upsert_categories([CategoryRow(("A",), "1"), CategoryRow(("A", "B"), "2")])
    with pytest.raises(ImportRefused):
        upsert_categories(
            [CategoryRow(("A", "B"), "1"), CategoryRow(("A",), "2"), CategoryRow(("A", "B", "C"), "2x")][:1]
        )
    assert names() == [("A",), ("A", "B")]


def test_twenty_thousand_categories_take_a_bounded_number_of_queries(django_assert_max_num_queries):
    rows = [CategoryRow((f"m{n % 20}", f"s{n % 400}", f"leaf {n}"), str(n)) for n in range(20_000)]
    with django_assert_max_num_queries(400):
        summary = upsert_categories(rows)
    assert summary.created == 20_000 + 400 + 20
    assert list(find_damage()) == []
    assert upsert_categories(rows).unchanged == 20_420


def keys():
    return dict(Category.objects.filter(is_active=True).values_list("external_id", "name"))


def test_a_category_deleted_and_made_again_keeps_its_mirror_under_its_new_key():
    upsert_categories([CategoryRow(("A",), "1"), CategoryRow(("A", "B"), "2")])
    before = Category.objects.get(external_id="2").pk
    summary = upsert_categories([CategoryRow(("A",), "1"), CategoryRow(("A", "B"), "7")], deactivate_missing=True)
    assert Category.objects.get(external_id="7").pk == before
    assert summary.notes == ["'A > B' had the key '2' and has '7' now."]
    assert Category.objects.count() == 2


def test_another_scheme_of_keys_is_taken_over_by_paths():
    upsert_categories(
        [CategoryRow(("A",), "1"), CategoryRow(("B",), "2"), CategoryRow(("C",), "3"), CategoryRow(("D",), "4")]
    )
    pks = dict(Category.objects.values_list("name", "pk"))
    # Numbered anew: what was 1 is 2. D has gone, and another category has its key.
    rows = [CategoryRow(("A",), "2"), CategoryRow(("B",), "1"), CategoryRow(("C",), "4")]
    upsert_categories(rows, deactivate_missing=True, rekey=True)
    assert keys() == {"2": "A", "1": "B", "4": "C"}
    assert dict(Category.objects.values_list("name", "pk")) == pks
    assert upsert_categories(rows, deactivate_missing=True).unchanged == 4


def test_a_category_that_has_gone_gives_way_to_one_that_moves_to_its_place():
    upsert_categories([CategoryRow(("A",), "1"), CategoryRow(("B",), "2")])
    summary = upsert_categories([CategoryRow(("B",), "1")], deactivate_missing=True)
    assert keys() == {"1": "B"}
    assert Category.objects.get(external_id="2").name == "B (2)"
    assert "'B' with the key '2' has gone" in summary.notes[0]


def test_two_ids_for_one_path_are_refused_with_both_and_the_remedy():
    upsert_categories([CategoryRow(("A",), "1")])
    with pytest.raises(ImportRefused, match=r"'1' and '2'.*--rekey"):
        upsert_categories([CategoryRow(("A",), "2")])
    assert upsert_categories([CategoryRow(("A",), "2")], rekey=True).notes == ["'A' had the key '1' and has '2' now."]
    with pytest.raises(ImportRefused, match="two different ids, '2' and '3'"):
        upsert_categories([CategoryRow(("A",), "2"), CategoryRow(("a ",), "3")])


def test_names_that_look_alike_are_one_category():
    upsert_categories([CategoryRow(("Niños", "Ropa"))])
    summary = upsert_categories([CategoryRow(("NIN\u0303OS", "ropa\u200b"), "1"), CategoryRow(("niños ", "Calzado"))])
    assert (summary.created, Category.objects.count()) == (1, 3)
    assert names() == [("Niños",), ("Niños", "Calzado"), ("Niños", "ropa")]
    # Siblings that were made in the admin are no reason to refuse every import.
    Category.objects.create(name="NIÑOS")
    assert upsert_categories([CategoryRow(("Niños", "Libros"))]).created == 1


def test_an_import_that_changes_nothing_leaves_the_version_alone():
    rows = [CategoryRow(("A",), "1"), CategoryRow(("A", "B"), "2")]
    upsert_categories(rows)
    version = current_version()
    upsert_categories(rows, deactivate_missing=True)
    upsert_categories([CategoryRow(("A", "C"))], dry_run=True)
    assert current_version() == version
    upsert_categories([CategoryRow(("A", "C"))])
    assert current_version() > version


def test_a_dry_run_shows_how_the_file_was_read_and_asks_at_a_terminal(tmp_path, capsys, monkeypatch):
    run(tmp_path, "12 - A > B \\> C\n", "--dry-run")
    assert "  A > B \\> C  (id 12)" in capsys.readouterr().out
    assert names() == []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    run(tmp_path, "12 - A > B\n", "--dry-run")
    assert names() == []
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    run(tmp_path, "12 - A > B\n", "--dry-run")
    assert names() == [("A",), ("A", "B")]


def test_utf_16_is_read(tmp_path):
    run(tmp_path, "id\tpath\r\n1\tAños\r\n".encode("utf-16"))
    assert names() == [("Años",)]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_alone(tmp_path, monkeypatch, db):
    path = tmp_path / "tree.csv"
    path.write_text("path\n" + "\n".join(f"A > {n}" for n in range(700)))
    terminal, file = Terminal(), io.StringIO()
    monkeypatch.setattr("sys.stderr", terminal)
    call_command("import_taxonomy", str(path), stdout=io.StringIO())
    assert terminal.getvalue().startswith("\rWriting categories: 0 of 701\r")
    assert terminal.getvalue().endswith("701 of 701\n")
    monkeypatch.setattr("sys.stderr", file)
    call_command("import_taxonomy", str(path), stdout=io.StringIO())
    assert file.getvalue() == ""

import csv
import io
import time

import pytest
from django.urls import reverse

from ad_autocategorize.moderation.labels.choosing import LONGEST_TYPED, matching, named_category
from ad_autocategorize.moderation.queue.deciding import ChoiceRefused
from ad_autocategorize.moderation.tree.export import without_formulas
from taxonomy.tree import CategoryTree


@pytest.mark.parametrize("opened_with", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "text", ["=1+41", "Armchair;=1+41;", "7: Sofa | 8: +cmd", 'Sofa";"@SUM(A1)', "a,\t-2+3", " =1"]
)
def test_no_cell_starts_a_formula_whatever_separates_the_cells(text, opened_with):
    file = io.StringIO()
    csv.writer(file).writerow(["first", without_formulas(text)])
    cells = next(csv.reader(io.StringIO(file.getvalue()), delimiter=opened_with))
    assert not any(
        cell.strip(" \"'").startswith(("=", "+", "-", "@")) and not cell.lstrip(' "').startswith("'") for cell in cells
    )


def test_text_without_formulas_stays_as_it_is():
    assert without_formulas("Sillón 2-3 cuerpos (50 % + envío)") == "Sillón 2-3 cuerpos (50 % + envío)"


def test_a_very_long_text_costs_no_search(trained):
    tree = CategoryTree.load()
    typed = "x " * 200_000
    begun = time.process_time()
    with pytest.raises(ChoiceRefused, match="demasiado largo"):
        named_category(typed, tree)
    assert matching(typed, tree) == []
    assert time.process_time() - begun < 0.5


def test_a_long_text_is_answered_with_an_address_that_web_servers_take(queue, admin_client):
    issue = next(iter(queue.values()))
    address = reverse("admin:ad_autocategorize_labelissue_decide", args=[issue.pk])
    data = {"decision": "other", "value": "y" * 50_000, "version": issue.version, "filters": ""}
    assert len(admin_client.post(address, data).url) < LONGEST_TYPED + 200


@pytest.mark.parametrize("model", ["labelissue", "reviewdecision", "carissue", "suggestionevent", "modelversion"])
def test_lists_compare_values_and_run_no_expressions(model, queue, admin_client):
    field = "name" if model == "modelversion" else "ad_id"
    if model == "suggestionevent":
        field = "model_version"
    address = reverse(f"admin:ad_autocategorize_{model}_changelist")
    assert admin_client.get(address, {f"{field}__regex": "(a+)+$"}).status_code in (302, 400)
    assert admin_client.get(address).status_code == 200

"""The findings about the category tree as a CSV file that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

# A spreadsheet takes a cell for a formula by its first sign. Which signs end a cell depends on how the file is opened: a title
# such as "Armchair;=1+41;" is three cells to whoever chooses semicolons, whatever quotes the file has around it.
FORMULA = re.compile(r"""(^|[,;:|\t\r\n])([\s"']*)(?=[=+\-@\t\r])""")


def findings_csv(findings: Iterable[Any]) -> HttpResponse:
    """Return the findings, which ``attach_cards`` has been given, as a file to download."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="taxonomy-health.csv"'
    # Excel takes UTF-8 for Latin-1 without the mark.
    response.write("\ufeff")
    writer = csv.writer(response)
    heads = [_("finding"), _("category"), _("other category"), _("ads"), _("weight"), _("numbers"), _("examples")]
    writer.writerow(map(str, heads))
    for finding in findings:
        examples = " | ".join(f"{ad.pk}: {title}" for ad, title in finding.shown_examples)
        row = [finding.get_kind_display(), finding.shown_category, finding.shown_other, finding.ads]
        writer.writerow(
            map(
                without_formulas,
                [*row, f"{finding.weight:.3f}", " ".join([finding.shown_evidence, *finding.shown_groups]), examples],
            )
        )
    return response


def without_formulas(value: object) -> str:
    """Return a cell's text with an apostrophe before whatever could start a formula, at its beginning or within it."""
    return FORMULA.sub(r"\1\2'", str(value))

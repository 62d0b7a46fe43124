"""How other people's car catalogs call what they say of a model; all folded as ``fold_header`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

COLUMNS: Mapping[str, Sequence[str]] = {
    "brand": (
        "brand",
        "make",
        "marca",
        "manufacturer",
        "marque",
        "hersteller",
        "brandname",
        "makename",
        "carmake",
        "carbrand",
        "maker",
        "vehiclemake",
        "manufacturername",
    ),
    "model": ("model", "modelo", "modelname", "modele", "modell", "carmodel", "vehiclemodel"),
    # Several in one cell, or an object of them.
    "models": ("models", "modelos", "modeles", "modelle", "carmodels"),
    "body_type": (
        "bodytype",
        "body",
        "bodystyle",
        "bodytypes",
        "bodystyles",
        "bodyshape",
        "carroceria",
        "bodyclass",
        "vehicleclass",
        "karosserie",
        "carrosserie",
    ),
    "year": (
        "year",
        "years",
        "ano",
        "anos",
        "anio",
        "anios",
        "annee",
        "baujahr",
        "modelyear",
        "yearrange",
        "production",
        "productionyears",
        "productionperiod",
    ),
    "first_year": (
        "firstyear",
        "yearfrom",
        "yearstart",
        "startyear",
        "fromyear",
        "beginyear",
        "desde",
        "productionstart",
        "releaseyear",
    ),
    "last_year": ("lastyear", "yearto", "yearend", "endyear", "toyear", "hasta", "productionend"),
}

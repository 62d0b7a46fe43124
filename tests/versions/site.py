"""A marketplace large enough to compare two models on: six categories under three main ones, with words that they share."""

import random

from django.contrib.auth import get_user_model

from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.tree import CategoryTree

WORDS = {
    ("Vehículos", "Autos"): "auto sedan nafta diesel coupe gol corsa",
    ("Vehículos", "Motos"): "moto scooter casco honda cilindrada enduro",
    ("Hogar", "Sillones"): "sillon sofa futon cuerpos chenille esquinero",
    ("Hogar", "Mesas"): "mesa comedor ratona algarrobo plegable escritorio",
    ("Ocio", "Libros"): "libro novela cuentos tapa edicion autor",
    ("Ocio", "Bicicletas"): "bicicleta rodado mountain playera cambios shimano",
}
SHARED = "vendo usado nuevo azul rojo oferta completo original impecable"
OF_EACH = 100


def make_site(of_each=OF_EACH, seed=0):
    """Return the category tree of a site with ``of_each`` published ads in each category."""
    rng = random.Random(seed)
    upsert_categories(CategoryRow(path) for path in WORDS)
    tree = CategoryTree.load()
    seller, _ = get_user_model().objects.get_or_create(username="ana")
    others = [word for words in WORDS.values() for word in words.split()]
    ads = []
    for number in range(of_each * len(WORDS)):
        path, words = list(WORDS.items())[number % len(WORDS)]
        # One word of the category, one of any: some titles cannot be told.
        parts = [rng.choice(words.split()), rng.choice(others), rng.choice(SHARED.split()), f"n{number % 50}"]
        rng.shuffle(parts)
        ads.append(Ad(title=" ".join(parts), category_id=tree.find(path), seller=seller, status=Ad.Status.PUBLISHED))
    Ad.objects.bulk_create(ads)
    return tree

"""A marketplace whose titles leave open what the photos show."""

import io

import numpy as np
from django.core.files.base import ContentFile

from marketplace.models import Ad, AdPhoto
from tests.item_photos.toys import photo_of

# Most titles of each two say the same: it takes a photo to tell them apart.
WORDS = {
    ("Hogar", "Cocina"): ("objeto usado juego", "olla", "red"),
    ("Hogar", "Jardín"): ("objeto usado juego", "maceta", "green"),
    ("Moda", "Bolsos"): ("bolso cuero noche", "cartera", "blue"),
    ("Moda", "Zapatos"): ("bolso cuero noche", "zapato", "grey"),
}
ADS = 260
SHOWN = 195


def as_file(photo, name="photo.png"):
    content = io.BytesIO()
    photo.save(content, "PNG")
    return ContentFile(content.getvalue(), name)


def make_ads(with_photos=True, count=ADS, seed=0):
    """Ads of four categories; three in four have a photo of their category's colour."""
    from django.contrib.auth import get_user_model

    from taxonomy.bulk import CategoryRow, upsert_categories
    from taxonomy.tree import CategoryTree

    rng = np.random.default_rng(seed)
    upsert_categories(CategoryRow(path) for path in WORDS)
    tree = CategoryTree.load()
    seller, _ = get_user_model().objects.get_or_create(username="ana")
    for number in range(count):
        path, (words, own, color) = list(WORDS.items())[number % len(WORDS)]
        words = f"{words} {own}" if number % 3 == 0 else words
        # Numbers make every title another one, or near-identical ads would all be on one side.
        title = f"{' '.join(rng.permutation(words.split()))} {' '.join(f'x{n}' for n in rng.integers(0, 99, 3))}"
        ad = Ad.objects.create(title=title, category_id=tree.find(path), seller=seller, status=Ad.Status.PUBLISHED)
        if with_photos and number % 20 >= 5:
            AdPhoto.objects.create(ad=ad, image=as_file(photo_of(color, rng)))
    return tree

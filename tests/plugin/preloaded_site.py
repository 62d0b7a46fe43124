"""The demo as a server loads it before it forks, with a photo model that has been asked already."""

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from PIL import Image

application = get_wsgi_application()
asgi_application = get_asgi_application()


def warm_up() -> None:
    """Have the model loaded and asked, as a server that wants its first answer to be quick."""
    from ad_autocategorize import registry

    registry.active_predictor().predict([Image.new("RGB", (64, 48), "red")] * 8)


warm_up()

"""Photos to try the ad form with: cars that the demo's network knows, what is no car, and a file that is no photo any more."""

from __future__ import annotations

import random
from dataclasses import dataclass

from marketplace.demo.car_pictures import DrawnCar, draw_car
from marketplace.demo.thing_pictures import draw_thing, thing_of

SOFA = ("Artículos", "Hogar y muebles", "Living y comedor", "Sillones y sofás")
# What a connection that breaks off leaves of a file.
_CUT = 900


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of the start page: ``car`` is what it shows, if it shows one, and ``whole`` whether it can be opened."""

    name: str
    car: DrawnCar | None = None
    whole: bool = True


SAMPLES = (
    Sample("gol.jpg", DrawnCar("Volkswagen", "Gol", "Hatchback", "Rojo", 2012)),
    Sample("hilux.jpg", DrawnCar("Toyota", "Hilux", "Pick-up", "Plata", 2017)),
    Sample("kangoo.jpg", DrawnCar("Renault", "Kangoo", "Van", "Blanco", 2007)),
    Sample("sofa.jpg"),
    Sample("broken.jpg", DrawnCar("Fiat", "Palio", "Hatchback", "Azul", 2007), whole=False),
)


def draw_sample(sample: Sample) -> bytes:
    """Return the file, always the same."""
    rng = random.Random(sample.name)  # noqa: S311
    if sample.car is not None:
        picture = draw_car(sample.car, rng)
    else:
        thing = thing_of(SOFA)
        if thing is None:
            raise LookupError(f"No drawing shows {SOFA[-1]}.")
        picture = draw_thing(thing, rng)
    return picture if sample.whole else picture[:_CUT]

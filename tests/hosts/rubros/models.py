"""A host with a self-referencing table, field names of its own, and titles put together by a method."""

from django.db import models


class Rubro(models.Model):
    nombre = models.CharField(max_length=100)
    padre = models.ForeignKey("self", null=True, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return self.nombre


class Aviso(models.Model):
    producto = models.CharField(max_length=100)
    detalle = models.CharField(max_length=100, blank=True)
    rubro = models.ForeignKey(Rubro, on_delete=models.CASCADE)
    visible = models.BooleanField(default=True)
    alta = models.DateField(null=True)

    def __str__(self) -> str:
        return self.producto

"""Who can log in to the demo; printed and shown to everybody."""

SELLER, MODERATOR, OPERATOR = "vendedora", "moderador", "operadora"
PASSWORD = "demo"  # noqa: S105

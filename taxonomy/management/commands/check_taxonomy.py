"""``manage.py check_taxonomy``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from taxonomy.locking import tree_write
from taxonomy.tree_columns import find_damage, rebuild_tree_columns


class Command(BaseCommand):
    help = "Compare the tree columns with the parent keys; --repair works them out again from the parents."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true", help="Rebuild the columns from the parent keys.")

    def handle(self, *args: Any, **options: Any) -> None:
        damage = list(find_damage())
        for item in damage:
            self.stdout.write(str(item))
        if not damage:
            self.stdout.write("The category tree is sound.")
        elif options["repair"]:
            with tree_write():
                changed = rebuild_tree_columns()
                left = list(find_damage())
            self.stdout.write(f"Rebuilt from the parent keys: {changed} categories changed.")
            if left:
                raise CommandError("Not all of it can be repaired: " + "; ".join(map(str, left)))
        else:
            raise CommandError(
                f"{len(damage)} faults found. Run check_taxonomy --repair to mend them from the parents."
            )

"""The names of photo parts and backbones, for modules that look for them without loading either."""

import re

# Within the folder of a title model.
PART_FOLDER = "item-photos"
# In a title model's manifest: the digest of that folder; in a version's metrics: whether photos help.
PART_KEY = "item_photos"
BACKBONE_PREFIX = "backbone-"
BACKBONE_NAME = re.compile(r"backbone-[A-Za-z0-9_.-]{1,120}")

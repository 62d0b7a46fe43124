"""The made-up marketplace that ``create_demo`` fills the site with."""

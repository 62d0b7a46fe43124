class FarRouter:
    """Keeps the app's tables, and no others, in the second database."""

    def db_for_read(self, model, **hints):
        return "far" if model._meta.app_label == "lejos" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "far") == (app_label == "lejos")

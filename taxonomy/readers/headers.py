"""How other people's exports call what a category has; all folded as ``fold_header`` does."""

from __future__ import annotations

import re

IDS = (
    "externalid", "id", "categoryid", "catid", "termid", "entityid", "idcategory", "nodeid", "browsenodeid",
    "uniqueid", "identifier", "key", "code", "codigo", "uid", "uuid", "guid", "tid", "nid", "cid",
)  # fmt: skip
# Of what a category is, not of a line; what lies in it has it too.
KEYS_OF_CATEGORIES = ("categoryid", "catid", "idcategory")
SLUGS = ("slug", "handle", "urlkey", "alias", "permalink")
# How deep a category is, where parents are told by the order of the lines alone.
DEPTHS = ("depth", "level", "lvl", "nivel", "ebene", "tier")
NAMES = (
    "name", "nombre", "nome", "title", "titulo", "label", "categoryname", "catname", "termname", "displayname",
    "text", "nom", "bezeichnung",
)  # fmt: skip
PARENTS = (
    "parentid", "parent", "parentcategoryid", "parentcategory", "parentcode", "parentkey", "parenttermid",
    "parentexternalid", "parentname", "parententityid", "parentnodeid", "idparent", "idpadre", "padre", "padreid",
    "idpai", "pai", "paiid", "pid", "ancestors",
)  # fmt: skip
_PARENT = re.compile(
    r"(?!is|has)\w*parent(category|cat|node|term|group|item)?(id|uuid|guid|code|key|slug|handle|name|title|label|ref|path)?"
)
PATHS = (
    "categorypath", "fullpath", "fullname", "fullcategorypath", "completename", "pathname", "breadcrumb",
    "breadcrumbs", "pathfromroot", "path", "ruta", "caminho", "categories", "categorias", "categoria", "category",
    "productcategory", "googleproductcategory",
)  # fmt: skip
CHILDREN = (
    "children", "childrendata", "childrencategories", "childcategories", "childcategorytreenodes",
    "subcategories", "subcategorias", "subs", "sub", "childs", "child", "childnodes", "nodes", "items",
    "categories", "categorias", "hijos", "hijas", "filhos", "branches", "elements",
)  # fmt: skip
_CHILDREN = re.compile(r"(sub|child)\w*(categor|kategor|group|node|item|menu|type|section|level|famil)\w*")
# Of an object without a name of its own, where the tree lies in it.
WRAPPERS = (
    *CHILDREN, "verticals", "data", "results", "result", "response", "records", "rows", "taxonomy", "tree",
    "root", "rootcategorynode", "categorytree", "list", "payload", "edges", "node",
)  # fmt: skip
# A category column, with one above or below it and maybe another.
BELOW = (
    (
        "department",
        "departamento",
        "maincategory",
        "maincategoryname",
        "rootcategory",
        "rootcategoryname",
        "segmenttitle",
    ),
    ("category", "categoryname", "categoria", "category1", "cat1", "rubro", "familytitle"),
    ("subcategory", "subcategoryname", "subcategoria", "category2", "cat2", "subrubro", "classtitle"),
    ("subsubcategory", "subsubcategoria", "subcategory2", "category3", "cat3", "commoditytitle"),
    ("subsubsubcategory", "category4", "cat4"),
)


def is_parent(folded: str) -> bool:
    """Return whether a column or key of this folded name tells of parents, as ``PARENTS`` and others like them do."""
    return folded in PARENTS or bool(_PARENT.fullmatch(folded))


def is_children(folded: str) -> bool:
    """Return whether a key of this folded name, of a list or an object, holds children, as ``CHILDREN`` do."""
    return folded in CHILDREN or bool(_CHILDREN.fullmatch(folded))


def is_wrapper(folded: str) -> bool:
    """Return whether a tree lies under a key of this folded name: no category is called "productCategories"."""
    return folded in WRAPPERS or "categor" in folded or is_children(folded)

"""How other people's exports call what a category has; all folded as ``fold_header`` does."""

from __future__ import annotations

IDS = (
    "externalid", "id", "categoryid", "catid", "termid", "entityid", "idcategory", "nodeid", "browsenodeid",
    "uniqueid", "identifier", "key", "code", "codigo", "uid", "uuid", "guid", "tid", "nid",
)  # fmt: skip
NAMES = (
    "name", "nombre", "nome", "title", "titulo", "label", "categoryname", "catname", "termname", "displayname",
    "text", "nom", "bezeichnung",
)  # fmt: skip
PARENTS = (
    "parentid", "parent", "parentcategoryid", "parentcategory", "parentcode", "parentkey", "parenttermid",
    "parentexternalid", "parentname", "parententityid", "parentnodeid", "idparent", "idpadre", "padre", "padreid",
    "idpai", "pai", "paiid", "pid",
)  # fmt: skip
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
# Of an object without a name of its own, where the tree lies in it.
WRAPPERS = (
    *CHILDREN, "verticals", "data", "results", "result", "response", "records", "rows", "taxonomy", "tree",
    "root", "rootcategorynode", "categorytree", "list", "payload",
)  # fmt: skip
# A category column, with one below it and maybe another.
BELOW = (
    (
        "category",
        "categoria",
        "maincategory",
        "category1",
        "cat1",
        "department",
        "departamento",
        "rubro",
        "segmenttitle",
    ),
    ("subcategory", "subcategoria", "category2", "cat2", "subrubro", "familytitle"),
    ("subsubcategory", "subsubcategoria", "subcategory2", "category3", "cat3", "classtitle"),
    ("subsubsubcategory", "category4", "cat4", "commoditytitle"),
)

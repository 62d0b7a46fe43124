"""Category trees as other people's systems write them: read with their structure, or refused."""

import json

import pytest

from taxonomy.names import fold_name, join_path, split_path
from taxonomy.readers.categories import read_categories
from taxonomy.rows import ImportRefused


def read(text, separator=None):
    return {" > ".join(row.path): row.external_id for row in read_categories(text, separator)}


TREE = {"Home": "1", "Home > Garden": "2", "Home > Garden > Tools": "3"}
NESTED = {"id": 1, "name": "Home", "KIDS": [{"id": 2, "name": "Garden", "KIDS": [{"id": 3, "name": "Tools"}]}]}
NESTED_IN_WORDS = {
    "id": 1, "category": "Home",
    "sub_category": [{"id": 2, "subcategory": "Garden", "childGroups": [{"id": 3, "name": "Tools"}]}],
}  # fmt: skip
FLAT = [("3", "Tools", "2"), ("1", "Home", "0"), ("2", "Garden", "1")]
TABLES = {
    "declared delimiter": "sep=;\nid;path\n1;Home\n2;Home > Garden\n3;Home > Garden > Tools\n",
    "comments": "# exported\n# today\nid|path\n1|Home\n# on Monday\n2|Home > Garden\n\n3|Home > Garden > Tools\n",
    "quotes": '"Category ID","Full Path"\n"1","Home"\n"2","Home > Garden"\n"3","Home > Garden > Tools"\n',
    "single quotes": "'id';'path'\n'1';'Home'\n'2';'Home > Garden'\n'3';'Home > Garden > Tools'\n",
    "tabs": "external_id\tcategory_path\n1\tHome\n2\tHome > Garden\n3\tHome > Garden > Tools\n",
    "old line ends": "id,path\r1,Home\r2,Home > Garden\r3,Home > Garden > Tools\r",
    "levels": "Category ID,Tier 1,Tier 2,Tier 3\n1,Home,,\n2,Home,Garden,\n3,Home,Garden,Tools\n",
    "levels filled once": "L1,L2,L3,ID\nHome,,,1\n,Garden,,2\n,,Tools,3\n",
    "empty cells behind": "id,path\n1,Home,,\n2,Home > Garden,,\n3,Home > Garden > Tools,,\n",
    "parent keys": "category_id;parent_id;name(en-gb)\n3;2;Tools\n1;0;Home\n2;1;Garden\n",
    "parent names": "ID,Name,Parent\n3,Tools,Garden\n1,Home,\n2,Garden,Home\n",
    "key beside code": "Key,Parent key,Code,Title\n1,,100,Home\n2,1,110,Garden\n3,2,111,Tools\n",
    "ids before tabs": "1\tHome\n2\tHome > Garden\n3\tHome > Garden > Tools\n",
    "ids before colons": "1 : Home\n2 : Home > Garden\n3   : Home > Garden > Tools\n",
    "ids before dots": "1. Home\n2. Home > Garden\n3. Home > Garden > Tools\n",
    "columns without a header": "1,Home,,\n2,Home,Garden,\n3,Home,Garden,Tools\n",
    "arrows": "id,path\n1,Home\n2,Home › Garden\n3,Home › Garden › Tools\n",
    "slashes": "id,path\n1,/Home\n2,/Home/Garden\n3,/Home/Garden/Tools\n",
    "slugs of parents": "id,title,slug,parent_slug\n1,Home,home,\n2,Garden,garden,home\n3,Tools,tools,garden\n",
    "parents in other words": "id,name,category_parent\n3,Tools,Garden\n1,Home,\n2,Garden,Home\n",
    "a top left out": "id,name,parent_id\n1,Home,9\n2,Garden,1\n3,Tools,2\n4,Pets,9\n",
    "paths of what is above": "id,name,path\n1,Home,\n2,Garden,Home\n3,Tools,Home/Garden\n",
    "paths of keys": "id,name,path\n1,Home,1\n2,Garden,1/2\n3,Tools,1/2/3\n",
    "paths of steps of four": "id,name,path,numchild\n1,Home,0001,1\n2,Garden,00010001,1\n3,Tools,000100010001,0\n",
    "depths": "id,name,level\n1,Home,1\n2,Garden,2\n3,Tools,3\n",
    "words for levels": "ID,Department,Category,Sub-Category\n1,Home,,\n2,Home,Garden,\n3,Home,Garden,Tools\n",
    "roots beside names": "id;category_name;root_category_name;subcategory_name\n1;;Home;\n2;Garden;Home;\n3;Garden;Home;Tools\n",
    "names of levels": "ID,Level 1 Category,Level 2 Category,Level 3 Category\n1,Home,,\n2,Home,Garden,\n3,Home,Garden,Tools\n",
    "double signs": "id,path\n1,Home\n2,Home >> Garden\n3,Home >> Garden >> Tools\n",
    "plain arrows": "id,path\n1,Home\n2,Home -> Garden\n3,Home -> Garden -> Tools\n",
    "entities": "id,path\n1,Home\n2,Home&nbsp;&gt;&nbsp;Garden\n3,Home &gt; Garden &gt; Tools\n",
}
DOCUMENTS = {
    **dict.fromkeys((), NESTED),
    **{
        key: json.loads(json.dumps(NESTED).replace("KIDS", key))
        for key in ("children", "children_data", "subcategories", "childCategories", "items", "hijos", "nodes")
    },
    "parent ids": [{"id": int(key), "name": name, "parent_id": int(parent)} for key, name, parent in FLAT],
    "parent objects": {
        "categories": [{"id": k, "name": n, "parent": {"id": p} if p != "0" else None} for k, n, p in FLAT]
    },
    "keys of children": [
        {"id": "1", "name": "Home", "children": ["2"]}, {"id": "2", "name": "Garden", "children": [3]}, {"id": 3, "name": "Tools"}
    ],
    "paths": [{"id": key, "full_path": path} for path, key in TREE.items()],
    "paths of keys": [
        {"id": 1, "name": "Home", "path": "1"}, {"id": 2, "name": "Garden", "path": "1/2"},
        {"id": 3, "name": "Tools", "path": "1/2/3"},
    ],
    "paths of slugs": [
        {"_id": 1, "name": "Home", "path": "home"},
        {"_id": 2, "name": "Garden", "path": "home/garden"},
        {"_id": 3, "name": "Tools", "path": "home/garden/tools"},
    ],
    "objects by key": {key: {"name": name, "parent": parent} for key, name, parent in FLAT},
    "a fixture": [
        {"model": "shop.category", "pk": int(k), "fields": {"name": n, "parent": int(p) or None}} for k, n, p in FLAT
    ],
    "a fixture of several models": [
        {"model": "shop.categoryimage", "pk": 1, "fields": {"name": "home.png"}},
        *({"model": "shop.category", "pk": int(k), "fields": {"title": n, "parent": int(p) or None}} for k, n, p in FLAT),
    ],
    "keys as MongoDB writes them": [
        {"_id": {"$oid": k}, "name": n, "parent": {"$oid": p} if p != "0" else None} for k, n, p in FLAT
    ],
    "a list of those above": [
        {"_id": k, "name": n, "ancestors": [str(above) for above in range(1, int(k))]} for k, n, _ in FLAT
    ],
    "slugs": [
        {"id": 1, "name": "Home", "slug": "home", "parent": None},
        {"id": 2, "name": "Garden", "slug": "garden", "parent": {"slug": "home"}},
        {"id": 3, "name": "Tools", "slug": "tools", "parent": {"slug": "garden"}},
    ],
    "edges": {"data": {"categories": {"edges": [{"node": {"id": "1", "name": "Home", "children": {"edges": [
        {"node": {"id": "2", "name": "Garden", "children": {"edges": [{"node": {"id": "3", "name": "Tools"}}]}}}
    ]}}}]}}},
    "the top of a nested export": {
        "id": 1, "parent_id": 7, "name": "Home",
        "children": [{"id": 2, "parent_id": 1, "name": "Garden", "children": [{"id": 3, "parent_id": 2, "name": "Tools"}]}],
    },
    "objects under keys, beside other lists": {
        "root_category_ids": ["1"],
        "nodes": {k: {"category_id": k, "title": n, "parent_id": p, "children": []} for k, n, p in FLAT},
    },
    "a frame": {"shopCategories": {"nodes": [NESTED_IN_WORDS]}},
    "whole paths of objects": {
        "3": {
            "id": "3",
            "name": "Tools",
            "path_from_root": [{"id": "1", "name": "Home"}, {"id": "2", "name": "Garden"}, {"id": "3", "name": "Tools"}],
        },
        "1": {"id": "1", "name": "Home", "path_from_root": [{"id": "1", "name": "Home"}]},
        "2": {"id": "2", "name": "Garden", "path_from_root": [{"id": "1", "name": "Home"}, {"id": "2", "name": "Garden"}]},
    },
    "category within": {
        "rootCategoryNode": {
            "category": {"categoryId": "1", "categoryName": "Home"},
            "childCategoryTreeNodes": [
                {
                    "category": {"categoryId": "2", "categoryName": "Garden"},
                    "childCategoryTreeNodes": [{"category": {"categoryId": "3", "categoryName": "Tools"}}],
                }
            ],
        }
    },
    "groups of described ones": {
        "version": "2024-07",
        "verticals": [
            {
                "name": "Home",
                "prefix": "ho",
                "categories": [
                    {"id": "1", "name": "Home", "parent_id": None, "attributes": [{"name": "Color"}],
                     "children": [{"id": "2", "name": "Garden"}]},
                    {"id": "2", "name": "Garden", "parent_id": "1", "children": [{"id": "3", "name": "Tools"}], "ancestors": []},
                    {"id": "3", "name": "Tools", "parent_id": "2", "children": []},
                ],
            }
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("form", TABLES)
def test_a_table_or_list_is_read_with_its_structure(form):
    assert read(TABLES[form]) == TREE | ({"Pets": "4"} if form == "a top left out" else {})


@pytest.mark.parametrize(
    "text",
    [
        "Home\n  Garden\n    Tools\n",
        "- Home\n    - Garden\n        - Tools\n",
        "Home\n\tGarden\n\t\tTools\n",
    ],
)
def test_indented_lines_are_read(text):
    assert list(read(text)) == list(TREE)
    assert list(read("Categories\n  Home\n    Toys, games\n  Pets\n"))[2:] == [
        "Categories > Home > Toys, games",
        "Categories > Pets",
    ]


def test_a_list_of_products_names_the_categories_that_they_are_filed_in():
    products = [{"id": 1, "name": "Router", "category": "Network"}, {"id": 2, "name": "Switch", "category": "Network"}]
    assert read(json.dumps(products)) == {"Network": None}
    assert read(json.dumps([product | {"tags": ["new"]} for product in products])) == {"Network": None}
    assert read("id,name,brand,category\n1,Cola,x,Drinks > Soft\n2,Milk,y,\n3,Lime,x,Drinks > Soft\n") == {
        "Drinks > Soft": None
    }


def test_objects_of_one_level_are_rows_of_a_table_and_texts_are_paths():
    rows = [{"category": "Home", "subcategory": "Garden"}, {"category": "Home", "subcategory": "Bath"}]
    assert list(read(json.dumps({"data": rows}))) == ["Home > Garden", "Home > Bath"]
    assert list(read('["Home > Garden", "Pets"]')) == ["Home > Garden", "Pets"]


@pytest.mark.parametrize("form", DOCUMENTS)
def test_a_json_document_is_read_with_its_structure(form):
    assert read(json.dumps(DOCUMENTS[form])) == TREE


def test_one_object_a_line_and_names_for_keys_and_texts_for_leaves():
    assert read("\n".join(json.dumps(item) for item in DOCUMENTS["parent ids"])) == TREE
    assert set(read(json.dumps({"Home": {"Garden": ["Tools"]}}))) == set(TREE)
    assert set(
        read(json.dumps({"name": "Home", "children_data": [{"name": "Garden", "children_data": [{"name": "Tools"}]}]}))
    ) == set(TREE)


def test_names_of_a_table_and_of_objects_have_no_entities_and_are_no_keys():
    assert read("id,name\n1,R&amp;D\n") == {"R&D": "1"}
    assert read("level1,level2\nA&amp;B,C\n") == {"A&B > C": None}
    assert read(json.dumps({"Home &amp; Co": {"name": "Home &amp; Co", "children": ["&lt; 5"]}})) == {
        "Home & Co": None,
        "Home & Co > < 5": None,
    }


def test_ids_are_told_from_names():
    assert read("gid://x/ap : Animals\ngid://x/ap-1 : Animals > Live\n") == {
        "Animals": "gid://x/ap",
        "Animals > Live": "gid://x/ap-1",
    }
    assert read("gid://x/ap-1 : Animals > Live\n") == {"Animals > Live": "gid://x/ap-1"}
    assert read("12\tHome > Garden\n") == {"Home > Garden": "12"}
    assert read("Auto - Moto > Cars\n") == {"Auto - Moto > Cars": None}
    assert read("3D - Printers > Resin\n3D - Printers > Filament\n") == dict.fromkeys(
        ["3D - Printers > Resin", "3D - Printers > Filament"]
    )
    assert read("1 - Arts, Crafts & more > Paper, pens\n") == {"Arts, Crafts & more > Paper, pens": "1"}


@pytest.mark.parametrize(
    ("cells", "paths"),
    [
        (["Clothing > Shirts, Clothing > Hoodies"], ["Clothing > Shirts", "Clothing > Hoodies"]),
        (["A > B | A > C; D > E", "D"], ["A > B", "A > C", "D > E", "D"]),
        (["Home, Garden > Pots", "Garden > Pots"], ["Home, Garden > Pots", "Garden > Pots"]),
        (["Shirts\\, plain > White"], ["Shirts, plain > White"]),
        (["Bed; Bath > Towels"], ["Bed; Bath > Towels"]),
        (["A > TV/Video", "A > R&amp;D", "A > 5 &gt; 4"], ["A > TV/Video", "A > R&D", "A > 5 > 4"]),
        (["Screens > \\> 40 inches"], ["Screens > > 40 inches"]),
        (["Size >40 > Shoes"], ["Size >40 > Shoes"]),
        (["A\u0085B > C\u2028D > E\u200bF"], ["A B > C D > EF"]),
        (["All / Sale", "All / Sale / Shoes", "All"], ["All > Sale", "All > Sale > Shoes", "All"]),
    ],
)
def test_paths_in_cells(cells, paths):
    text = "path\n" + "".join(f'"{cell}"\n' for cell in cells)
    assert list(read(text)) == paths


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("INSERT INTO categories VALUES (1, 'A > B');\n", "SQL"),
        ("- id: ap\n  name: Animals > Live\n- id: b\n  name: C\n", "YAML"),
        ("Animals:\n  - Cats > Big\n  - Dogs\n", "YAML"),
        ("<category>A > B</category>", "XML"),
        ("const tree = [\n  {name: 'A > B'},\n];\n", "program"),
        ('[{"id":2,"name":"Toys","parent_id":1}]', "'Toys': its parent '1' is not in the file"),
        ("id,name,parent_id\n2,Toys,1\n", "Line 2: its parent '1' is not in the file"),
        ("id,name,parent_id\n1,A,2\n2,B,1\n", "loop"),
        ("name,parent\nA,\nB,A\nA,B\nC,A\n", "name of several categories"),
        ("name_en,name_es,parent_id\nToys,Juguetes,\n", "several languages"),
        ('[{"name":{"en":"Toys","es":"Juguetes"}}]', "en, es"),
        ('[{"id":1,"name":"A","kategorien":[{"name":"B"}]}]', "'kategorien'"),
        ('[{"id":1,"name":"A"},{"id":1,"name":"B"}]', "the id '1'"),
        ('[{"name":"A"},\n{"name":"B \\ud83d C"}]', "Line 2: .* surrogate"),
        ("path\nTV/Video\nBooks\n", "--separator"),
        (
            '[{"id":1,"name":"A","parent_id":null,"children":[{"id":2,"name":"B"}]},{"id":3,"name":"C","parent_id":9}]',
            "'C': its parent '9' is not in the file. Add it",
        ),
        ("# Home\n## Garden\n### Tools\n", "Markdown"),
        ("# Home\n## Garden\n- TV/Video\n", "Markdown"),
        ("Home\n    Garden\n  Tools\n", "Line 3: no line above is indented"),
        ("foo,bar\nx,A > B\ny,A > C\n", "None of the columns of 'foo,bar' is known"),
        ("label name,link\nToys,http://a/b/\nBooks,http://a/c/\n", "None of the columns"),
        ("num,label of it,sid\n1,A/B,1\n2,C, D,1\n", "None of the columns"),
        ("Category,Subcategory,Granular Category\nA,B,C\n", "'Granular Category' may be a level too"),
        ("id,name,category_id\n1,Cars,7\n2,Bikes,7\n", "'category_id' stand on several lines"),
        ("id,name,level\n1,Home,1\n2,Garden,3\n", "Line 3: its 'level' does not follow"),
        (
            "name,path\nBig cars,vehicles/big-cars\nBikes,vehicles/bikes\n",
            "Line 2: its path does not end with its name",
        ),
        ('[{"id":1,"menutitle":"Tile"}]', "no 'name', only 'id', 'menutitle'"),
        (
            '[{"model":"a.brand","pk":1,"fields":{}},{"model":"a.car","pk":1,"fields":{}}]',
            "The fixture holds a.brand, a.car",
        ),
        ('id,path\n1,"A > B | A > C"\n', "Line 2: one id stands beside several paths"),
        ('id,path\n1,"A > B\n2,C\n', "Line 2"),
    ],
)
def test_what_cannot_be_understood_is_refused(text, message):
    with pytest.raises(ImportRefused, match=message):
        read(text)


def test_a_pair_of_surrogates_is_a_sign_and_the_separator_may_be_said():
    assert list(read('[{"name":"A \\ud83d\\ude00"}]')) == ["A 😀"]
    assert list(read("path\nTV/Video\nBooks\n", "/")) == ["TV > Video", "Books"]
    assert list(read("path\nTV/Video\nBooks\n", ">")) == ["TV/Video", "Books"]


def test_names_that_look_alike_are_one_and_a_path_is_written_so_that_it_can_be_read():
    alike = ["Niños", "nin\u0303os", "NIÑOS ", "Ni\u200bños", "Niños\u00a0"]
    assert len({fold_name(name) for name in alike}) == 1
    assert fold_name("Ninos") != fold_name("Niños")
    for path in [("A", "B"), ("> 40", "a > b", "c\\", "\\>")]:
        assert split_path(join_path(path)) == path

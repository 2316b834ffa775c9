from zoo.data.docstring_names import AREA_OF, AREAS, NAMES, SCIPY, scrubbed


def test_no_module_is_of_two_areas():
    assert len(AREAS) == 8
    assert len(AREA_OF) == sum(len(modules.split()) for modules in AREAS.values())


def test_every_name_of_a_class_is_taken_out():
    assert set(AREA_OF) < set(NAMES["python"])
    assert set(SCIPY) < set(NAMES["scipy"])
    text = "The JSON encoder of asyncio.tasks calls read_line, getLine and TarFile. Jsonlike stays"
    assert scrubbed(text, NAMES["python"]) == "The encoder of calls , and . Jsonlike stays"

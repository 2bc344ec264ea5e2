import dataclasses

import pytest

from jcs import recipe
from jcs.run import changed_keys, recipe_text


def test_recipes_of_the_repository_can_be_read():
    names = [path.stem for path in recipe.FOLDER.glob("*.toml")]
    assert {"shipped", "warm", "paper", "without-scanner", "without-transplants", "without-mixing"} <= set(names)
    for name in names:
        found = recipe.load(name)
        assert found.name == name
        for table in (found.segmenter, found.classifier):
            assert table.stages[0].start == 0 and sum(table.share.values()) == pytest.approx(1)


def test_the_papers_recipe_is_the_papers():
    found = recipe.load("paper")
    assert found.pretrain is None
    assert (found.segmenter.iterations, found.segmenter.optimiser.name, found.segmenter.optimiser.rate) == (21000, "adam", 2.5e-5)
    assert [(s.size, s.batch) for s in found.segmenter.stages] == [(512, 4)]
    assert (found.classifier.optimiser.name, found.classifier.optimiser.rate, found.classifier.mix_alpha) == ("sgd", 0.1, 0.5)
    assert [(s.size, s.batch) for s in found.classifier.stages] == [(224, 256)]
    assert not found.classifier.cell_weight and not found.classifier.views.simulated_scanner


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        ("empty = 0.15\n", "", "segmenter: missing or unknown: empty"),
        ("empty = 0.15", "empty = 0.15\nempti = 1", "missing or unknown: empti"),
        ("frozen_blocks = 2", "frozen_blocks = true", "frozen_blocks: True is no int"),
        ('name = "adam"', "name = 3", "optimiser.name: 3 is no str"),
        ('start = "imagenet"', 'start = "photographs"', "segmenter.start: 'photographs' is none of imagenet, shipped"),
        ("[segmenter]", "[segmentor]", "missing or unknown: segmenter, segmentor"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named(tmp_path, was, becomes, message):
    text = (recipe.FOLDER / "shipped.toml").read_text()
    assert was in text
    (tmp_path / "mine.toml").write_text(text.replace(was, becomes, 1))
    with pytest.raises(recipe.RecipeError, match=message):
        recipe.load(str(tmp_path / "mine.toml"))


def test_a_pretrained_start_needs_its_table(tmp_path):
    (tmp_path / "mine.toml").write_text('base = "paper"\nclassifier.start = "pretrained"\n')
    with pytest.raises(recipe.RecipeError, match="there is no table pretrain"):
        recipe.load(str(tmp_path / "mine.toml"))


def test_a_recipe_that_is_not_there():
    with pytest.raises(recipe.RecipeError, match="known are .*paper, .*shipped"):
        recipe.load("ours")


def test_a_recipe_holds_what_it_does_otherwise_than_its_base(tmp_path):
    (tmp_path / "mine.toml").write_text('base = "shipped"\nclassifier.views.transplants = 0.25\nsegmenter.frozen_blocks = 0\n')
    mine, shipped = recipe.load(str(tmp_path / "mine.toml")), recipe.load("shipped")
    assert mine.name == "mine" and mine.pretrain == shipped.pretrain
    assert mine.classifier == dataclasses.replace(
        shipped.classifier, views=dataclasses.replace(shipped.classifier.views, transplants=0.25)
    )
    assert mine.segmenter == dataclasses.replace(shipped.segmenter, frozen_blocks=0)
    (tmp_path / "mine.toml").write_text('base = "shipped"\nclassifier.view.transplants = 0.25\n')
    with pytest.raises(recipe.RecipeError, match="classifier: missing or unknown: view"):
        recipe.load(str(tmp_path / "mine.toml"))
    (tmp_path / "mine.toml").write_text("base = \n")
    with pytest.raises(recipe.RecipeError, match=r"mine.toml: .*line 1"):
        recipe.load(str(tmp_path / "mine.toml"))


def test_a_changed_recipe_is_noticed_and_a_new_key_is_not():
    table = recipe.load("shipped").segmenter
    other = dataclasses.replace(table, frozen_blocks=3, iterations=1)
    assert changed_keys(recipe_text(table), recipe_text(other)) == ["frozen_blocks"]
    older = recipe_text(table).replace('"lesion_weight": 0.0, ', "")
    assert changed_keys(older, recipe_text(table)) == []

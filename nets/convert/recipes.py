"""All nets that can be converted, by name."""

from nets.convert.manifest import Recipe


def recipes() -> dict[str, Recipe]:
    """Return the recipe of every ONNX file in `nets/weights`, by name of the net."""
    from nets.convert import expression, mobilenet, mtcnn, resnet29, xception

    faces = (mtcnn.RECIPES, mobilenet.RECIPES, resnet29.RECIPES)
    nets = (*faces, xception.RECIPES, expression.RECIPES)
    return {name: recipe for recipes in nets for name, recipe in recipes.items()}

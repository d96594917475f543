"""What pyproject.toml cannot say: `app` and `train` are installed inside `cgan`, as `cgan/_rooms`.

Names as common as these do not belong beside everybody's packages; see `cgan/__main__.py`, which finds them.
"""

from setuptools import find_packages, setup

ROOMS = ("app", "train")
inside = [
    f"cgan._rooms.{name}" for name in find_packages(include=[p for it in ROOMS for p in (it, f"{it}.*")])
]

setup(
    packages=find_packages(include=["cgan", "cgan.*"]) + inside,
    package_dir={f"cgan._rooms.{name}": name for name in ROOMS},
    package_data={"cgan": ["py.typed", "export/page/*"]}
    | {f"cgan._rooms.{name}": ["**/*"] for name in ROOMS},
    exclude_package_data={
        "": ["*.py[cod]", "**/*.py[cod]", "*.pyi", "**/*.pyi"]
    },  # Gradio writes stubs as it runs
)

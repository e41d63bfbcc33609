"""What PyInstaller does not find by itself: the migration scripts, run from their files, and what they import."""

from PyInstaller.utils.hooks import collect_data_files

DATA = ["storage/migrations/*.py", "demo/*.csv", "report/*.css", "report/*.js", "desktop/translations/*.qm"]

datas: list[tuple[str, str]] = collect_data_files("paper_repo", include_py_files=True, includes=DATA)
hiddenimports: list[str] = ["playhouse.migrate", "playhouse.migrations"]

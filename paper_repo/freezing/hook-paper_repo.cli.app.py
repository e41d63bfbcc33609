"""What PyInstaller does not find by itself of the command line: the modules of commands, imported by name."""

hiddenimports = [
    f"paper_repo.cli.commands.{name}"
    for name in (
        *("account", "compare", "demo", "edit", "export_import", "inspect", "maintenance", "open", "report", "watch"),
    )
]

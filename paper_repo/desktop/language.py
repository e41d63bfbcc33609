"""The language of the window: Qt's own translations, and how numbers are written in it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from paper_repo.desktop.naming import named

CONTEXT = "paper_repo"
LANGUAGES = ("en", "de")
FOLDER = Path(__file__).parent / "translations"


def tr(text: str) -> str:
    """The text in the language of the application; as it stands where there is no translation of it."""
    return QCoreApplication.translate(CONTEXT, text)


def chosen_language(wanted: str = "system") -> str:
    """The language of this name, or for "system" the desktop's own where there is a translation, else English."""
    name = QLocale.system().name()[:2] if wanted == "system" else wanted
    return name if name in LANGUAGES else "en"


def speak(app: QApplication, language: str) -> None:
    """Let the application's texts, those of Qt's own dialogs, and its numbers be in this language.

    Args:
        language: "en" or "de".
    """
    for old in app.findChildren(QTranslator, "paper_repo translator"):
        app.removeTranslator(old)
        old.deleteLater()
    locale = QLocale.system()
    if locale.name()[:2] != language:
        locale = QLocale(language)
    QLocale.setDefault(locale)
    if language == "en":
        return
    folders = {"qtbase": QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath), "paper_repo": str(FOLDER)}
    for name, folder in folders.items():
        translator = named(QTranslator(app), "paper_repo translator")
        if translator.load(f"{name}_{language}", folder):
            app.installTranslator(translator)


def localised(number: str) -> str:
    """A number as Python writes it (1,234.5), with the separators of the language and a real minus sign."""
    locale = QLocale()
    marks = str.maketrans({",": locale.groupSeparator(), ".": locale.decimalPoint(), "-": "\N{MINUS SIGN}"})
    return number.translate(marks)

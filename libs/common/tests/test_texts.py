"""Texts in the reader's language, and the formats of their region."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from common.texts import Catalogs

pytestmark = pytest.mark.req("NT-6")


def add(
    folder: Path, language: str, texts: dict[str | tuple[str, str], str | tuple[str, ...]]
) -> None:
    catalog = Catalog(locale=language)
    for key, translation in texts.items():
        catalog.add(key, translation)
    path = folder / language / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalog)


@pytest.fixture
def catalogs(tmp_path: Path) -> Catalogs:
    times = ("%(num)d time", "%(num)d times")
    add(
        tmp_path,
        "de",
        {"Hi %(name)s,": "Guten Tag %(name)s,", times: ("%(num)d Zeit", "%(num)d Zeiten")},
    )
    add(tmp_path, "pl", {times: ("%(num)d termin", "%(num)d terminy", "%(num)d terminów")})
    add(tmp_path, "ar", {"Hello,": "مرحبا،"})
    return Catalogs(tmp_path)


@pytest.mark.parametrize(
    ("tags", "language", "tag", "direction"),
    [
        (["de-AT", "en"], "de", "de-AT", "ltr"),
        (["de"], "de", "de-DE", "ltr"),
        (["fr-CH", "de"], "de", "de-CH", "ltr"),
        (["pl"], "pl", "pl-PL", "ltr"),
        (["ar-EG"], "ar", "ar-EG", "rtl"),
        (["fr-FR"], "en", "en-FR", "ltr"),
        (["pt-BR"], "en", "en-001", "ltr"),
        (["en-GB", "de"], "en", "en-GB", "ltr"),
        (["xx-ZZ", "nonsense!", ""], "en", "en", "ltr"),
        ([], "en", "en", "ltr"),
        (["nonsense"] * 10 + ["de"], "en", "en", "ltr"),
    ],
)
def test_the_language_is_the_first_that_has_texts(
    catalogs: Catalogs, tags: list[str], language: str, tag: str, direction: str
) -> None:
    reader = catalogs.reader(*tags)
    assert (reader.language, reader.tag, reader.direction) == (language, tag, direction)


@pytest.mark.parametrize(
    ("language", "hello", "hi"),
    [
        ("de", "Hello,", "Guten Tag 100% Ada,"),
        ("ar", "مرحبا،", "Hi 100% Ada,"),
        ("en", "Hello,", "Hi 100% Ada,"),
    ],
)
def test_a_text_without_translation_is_in_english(
    catalogs: Catalogs, language: str, hello: str, hi: str
) -> None:
    reader = catalogs.reader(language)
    assert reader.text("Hello,") == hello
    assert reader.text("Hi %(name)s,", name="100% Ada") == hi


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["0 times", "1 time", "2 times", "5 times", "22 times"]),
        ("de", ["0 Zeiten", "1 Zeit", "2 Zeiten", "5 Zeiten", "22 Zeiten"]),
        ("pl", ["0 terminów", "1 termin", "2 terminy", "5 terminów", "22 terminy"]),
        ("ar", ["0 times", "1 time", "2 times", "5 times", "22 times"]),
    ],
)
def test_numbers_take_the_plural_of_the_language(
    catalogs: Catalogs, language: str, said: list[str]
) -> None:
    reader = catalogs.reader(language)
    numbers = (0, 1, 2, 5, 22)
    assert [reader.texts("%(num)d time", "%(num)d times", n) for n in numbers] == said


def test_a_package_without_translations_has_english(tmp_path: Path) -> None:
    catalogs = Catalogs(tmp_path / "nothing")
    assert list(catalogs.languages) == ["en"]
    assert catalogs.reader("de-DE").text("Hello,") == "Hello,"
    assert "en" in Catalogs.of("notifications").languages

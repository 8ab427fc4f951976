"""Phrases of scripts that put no spaces between words."""

from actors.ideographs import clauses, unspaced
from actors.keywords import keywords

CHINESE = """城市的图书馆和博物馆将在周日开放。图书馆不收费。参观者可以在网上预约博物馆的门票以及音乐会座位信息服务。"""


def test_particles_of_chinese_part_clauses_and_those_of_japanese_are_kana() -> None:
    assert list(clauses("城市的图书馆和门票", chinese=True)) == [tuple("城市"), tuple("图书馆"), tuple("门票")]
    assert next(iter(clauses("和食の料理"))) == tuple("和食")


def test_no_tag_of_a_chinese_text_straddles_two_words() -> None:
    found = keywords(CHINESE, 12).phrases
    assert found[:2] == ["图书馆", "博物馆"]
    assert {"城市", "预约"} <= set(found)
    assert not any(sign in phrase for phrase in found for sign in "的和在将不")


def test_of_a_long_clause_words_of_two_signs_are_taken_that_do_not_overlap() -> None:
    assert set(unspaced([tuple("音乐座位信息服务")])) == {"音乐", "座位", "信息", "服务"}

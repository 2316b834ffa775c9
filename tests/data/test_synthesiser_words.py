from zoo.data.synthesiser_phones import _neighbours
from zoo.data.synthesiser_words import keywords, pretraining_words, said_words


def test_pretraining_knows_no_word_of_a_task_nor_one_that_is_near():
    tasks = {*keywords(), *said_words("train"), *said_words("test")}
    near = {close for word in tasks for close in _neighbours(word)}
    assert len(tasks) == 16 + 240
    assert len(set(pretraining_words())) == 240
    assert not any(near & _neighbours(word) for word in pretraining_words())


def test_speakers_say_other_words_in_the_test_and_no_keywords():
    assert not set(said_words("train")) & set(said_words("test"))
    assert not {*said_words("train"), *said_words("test")} & set(keywords())

"""English numbers in words."""

from __future__ import annotations

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_LARGE = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
LONGEST = 12  # digits


def number_words(digits: str) -> list[str]:
    """How a whole number is read: ``"42"`` is forty two, ``"1865"`` the year, more than 12 digits one by one."""
    number = int(digits)
    if len(digits) > LONGEST or (len(digits) > 1 and digits.startswith("0")):
        return [_SMALL[int(digit)] for digit in digits]
    if 1100 <= number <= 1999 and number % 100:
        tens = number_words(str(number % 100))
        return [*_cardinal(number // 100), *(["oh"] if number % 100 < 10 else []), *tens]
    return _cardinal(number)


def _cardinal(number: int) -> list[str]:
    if number < 20:
        return [_SMALL[number]]
    if number < 100:
        return [_TENS[number // 10], *([_SMALL[number % 10]] if number % 10 else [])]
    size, name = next((size, name) for size, name in _LARGE if number >= size)
    rest = number % size
    return [*_cardinal(number // size), name, *(_cardinal(rest) if rest else [])]

"""Addresses of databases, servers and stores as they may be shown: without passwords."""

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, unquote, urlencode

LEAST_LETTERS = 4
"""A part of a password that is shorter is not looked for in a text, where it may be anything."""


def without_password(url: str) -> str:
    """An address as it may be shown, also one that cannot be read."""
    start = url.find("://") + 3 if "://" in url else 0
    # A password that was not quoted may hold an '@' itself, and any option may be one.
    user, options = url.rfind("@", start), url.find("?", start)
    if -1 < options < user:
        # Either of the two may be the other's.
        return f"{url[:start]}…"
    hidden = url[:start] + (f"…{url[user:]}" if user > -1 else url[start:])
    return hidden if options == -1 else f"{hidden.partition('?')[0]}?…"


_READABLE = re.compile(
    r"(?P<kind>[\w+]+://)(?:(?P<user>[^:@/?#]*)(?::[^:@/?#]*)?@)?(?P<place>[^@?#]*)"
    r"(?:\?(?P<options>[^@?#]*))?"
)
_PUBLIC_OPTIONS = (
    *("host", "hostaddr", "port", "service", "passfile", "application_name", "connect_timeout"),
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding", "target_session_attrs"),
)
"""Options of an address that are no secrets."""
_PUBLIC_SETTINGS = re.compile(r"(?:\s*-c\s*(?:search_path|role)=[\w$\",-]+)+\s*")
"""A value of ``options`` that is none either: what finds the tables."""


def typed_again(url: str) -> str:
    """An address that a person can type again: as it is, but for the password, which the database
    finds elsewhere, and for options that may be secret. One that cannot be read: as
    :func:`without_password` gives it.
    """
    if url.startswith("sqlite:///") and "?" not in url:
        return url
    match = _READABLE.fullmatch(url)
    if match is None:
        return without_password(url)
    user = f"{match['user']}@" if match["user"] else ""
    pairs = parse_qsl(match["options"] or "")
    public = [pair for pair in pairs if _is_public(*pair)]
    options = f"?{urlencode(public, safe='/')}" if public else ""
    return f"{match['kind']}{user}{match['place']}{options}"


def _is_public(option: str, value: str) -> bool:
    """Whether an option of an address is no secret."""
    if option == "options":
        return _PUBLIC_SETTINGS.fullmatch(value) is not None
    return option in _PUBLIC_OPTIONS


def without_passwords(words: Sequence[str]) -> list[str]:
    """The words of a command line, each address without its password."""
    return [
        f"{before}{typed_again(address)}"
        for before, address in (_split_address(word) for word in words)
    ]


def _split_address(word: str) -> tuple[str, str]:
    """What stands before the address in a word such as ``store=postgresql://…``, and the address;
    all of a word without an address is before it.
    """
    match = re.search(r"[\w+.-]+://", word)
    return (word, "") if match is None else (word[: match.start()], word[match.start() :])


def served_at(host: str, port: int) -> str:
    """The address of a page that is served there, as a browser takes it."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def has_password(url: str) -> bool:
    """Whether an address names a user with a password."""
    return bool(re.match(r"[^/]*://[^/?#]*:.*@", url, flags=re.DOTALL))


def hide_password(text: str, url: str) -> str:
    """A text that somebody else wrote of an address, such as an error, without its password.

    A library may quote the address, or a part of it that it took for something else.
    """
    shown = re.sub(r"://\S*@", "://…@", text.replace(url, without_password(url)))
    for secret in sorted(_secrets(url), key=len, reverse=True):
        shown = shown.replace(secret, "…")
    return shown


def _secrets(url: str) -> set[str]:
    """The parts of an address that may be a password, as written and as meant."""
    password = re.search(r"://[^:@]*:(.*)@", url, flags=re.DOTALL)
    options = url.partition("?")[2]
    parts = {password[1] if password else "", options, *(value for _, value in parse_qsl(options))}
    parts |= {unquote(part) for part in parts} | {quote(part, safe="") for part in parts}
    parts |= {piece for part in parts for piece in re.split(r"[^\w.-]+", part)}
    known = {word for pair in parse_qsl(options) if _is_public(*pair) for word in pair}
    if password:
        known -= {password[1], unquote(password[1])}
    return {part for part in parts - known if len(part) >= LEAST_LETTERS}

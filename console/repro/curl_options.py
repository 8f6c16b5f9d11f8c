"""Every option of curl, and the rules by which curl itself reads them.

The rules are those of curl 7.88: long names in any case, unique abbreviations, `--no-` before switches, clustered short options
with the value attached or next. `--name=value`, which curl knows since 8.16, is read too. An option that is not in this table is
an error that names it, never a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from console.domain.values import dataclass
from console.repro.errors import Unclear
from console.repro.shell import Word, at

Effect = Literal["used", "none", "refused"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option."""

    name: str
    kind: Literal["switch", "fixed", "value"]
    """switch: takes `--no-`; fixed: a switch that does not; value: an argument follows."""
    short: str = ""
    effect: Effect = "none"
    why: str = ""
    """refused: the reason; none: what the user should know, if anything."""


@dataclass(frozen=True, slots=True)
class Given:
    """One option as it was given; `name` is empty for a bare address."""

    name: str
    value: str
    on: bool
    word: Word
    said: str
    """How it was written, for messages."""


def _listed(text: str) -> list[str]:
    return text.split()


_FILE = "a local file is never opened"
_USED_VALUES = _listed("""
    X:request d:data data-raw data-binary data-ascii data-urlencode json url-query F:form form-string H:header b:cookie u:user
    A:user-agent e:referer r:range url request-target oauth2-bearer proto-default
""")
_USED_SWITCHES = _listed(
    "G:get I:head k:insecure g:globoff path-as-is compressed tr-encoding form-escape basic digest ntlm ntlm-wb negotiate"
)
_NO_SWITCHES = _listed("""
    a:append compressed-ssh cert-status create-dirs crlf q:disable disable-eprt disable-epsv eprt epsv disallow-username-in-url
    doh-cert-status doh-insecure f:fail fail-early fail-with-body false-start ftp-create-dirs ftp-pret ftp-skip-pasv-ip ftp-ssl-ccc
    ftp-ssl-control http0.9 ignore-content-length i:include j:junk-session-cookies l:list-only L:location location-trusted
    mail-rcpt-allowfails metalink alpn npn N:buffer clobber keepalive progress-meter sessionid Z:parallel parallel-immediate
    post301 post302 post303 #:progress-bar raw J:remote-header-name O:remote-name remote-name-all R:remote-time
    remove-on-error retry-all-errors retry-connrefused sasl-ir S:show-error s:silent ssl ssl-reqd ftp-ssl ftp-ssl-reqd
    ssl-allow-beast ssl-auto-client-cert ssl-no-revoke ssl-revoke-best-effort styled-output suppress-connect-headers tcp-fastopen
    tcp-nodelay tftp-no-options trace-time trace-ids B:use-ascii v:verbose xattr p:proxytunnel proxy-anyauth proxy-basic proxy-digest
    proxy-insecure proxy-negotiate proxy-ntlm proxy-ssl-allow-beast proxy-ssl-auto-client-cert socks5-basic socks5-gssapi
    socks5-gssapi-nec ca-native proxy-ca-native mptcp skip-existing tls-earlydata proxy-http2
""")
_NO_FIXED = _listed("""
    0:http1.0 http1.1 http2 http2-prior-knowledge http3 http3-only 4:ipv4 6:ipv6 1:tlsv1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3
    2:sslv2 3:sslv3 ftp-pasv proxy-tlsv1
""")
_NO_VALUES = _listed("""
    abstract-unix-socket alt-svc cacert capath ciphers connect-timeout connect-to c:cookie-jar create-file-mode crlfile curves
    delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url D:dump-header egd-file engine etag-save
    expect100-timeout ftp-account ftp-alternative-to-user ftp-method P:ftp-port ftp-ssl-ccc-mode happy-eyeballs-timeout-ms
    hostpubmd5 hostpubsha256 hsts interface keepalive-time keepalive-cnt krb krb4 libcurl limit-rate local-port login-options mail-auth
    mail-from mail-rcpt max-filesize max-redirs m:max-time noproxy o:output output-dir parallel-max pinnedpubkey proto proto-redir
    pubkey Q:quote random-file rate resolve retry retry-delay retry-max-time sasl-authzid service-name Y:speed-limit y:speed-time
    stderr t:telnet-option tftp-blksize tls-max tls13-ciphers tlsauthtype tlspassword tlsuser trace trace-ascii trace-config
    unix-socket w:write-out proxy-header U:proxy-user proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile
    proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers proxy-tlsauthtype
    proxy-tlspassword proxy-tlsuser socks5-gssapi-service x:proxy preproxy proxy1.0 socks4 socks4a socks5 socks5-hostname
    vlan-priority ip-tos sigalgs upload-flags dump-ca-embed ech
""")
_REFUSED: dict[str, tuple[Literal["switch", "fixed", "value"], str]] = {
    "K:config": ("value", f"{_FILE}, and this one would hold further options"),
    "n:netrc": ("switch", f"{_FILE}, and ~/.netrc holds passwords"),
    "netrc-optional": ("switch", f"{_FILE}, and ~/.netrc holds passwords"),
    "netrc-file": ("value", f"{_FILE}, and this one holds passwords"),
    "T:upload-file": ("value", f"{_FILE}, and an upload changes what the server holds"),
    "E:cert": ("value", f"{_FILE}, and client certificates are not used"),
    "cert-type": ("value", "client certificates are not used"),
    "key": ("value", f"{_FILE}, and client certificates are not used"),
    "key-type": ("value", "client certificates are not used"),
    "pass": ("value", "client certificates are not used"),
    "C:continue-at": ("value", "where to go on depends on a local file; use --range"),
    "z:time-cond": ("value", "it reads a date or a local file by curl's own rules; use -H 'If-Modified-Since: …'"),
    "etag-compare": ("value", _FILE),
    "aws-sigv4": ("value", "the signature depends on the moment of sending"),
    ":next": ("fixed", "this command makes several requests; give the one to import"),
    "haproxy-protocol": ("switch", "it sends a line before the request"),
    "haproxy-clientip": ("value", "it sends a line before the request"),
    "variable": ("value", "variables of curl are not expanded"),
    "h:help": ("fixed", "it makes no request"),
    "V:version": ("fixed", "it makes no request"),
    "M:manual": ("fixed", "it makes no request"),
    "ipfs-gateway": ("value", "only http and https addresses are imported"),
    "test-event": ("switch", "it is for debugging curl"),
}
_TOLD = {
    "proxy": "no proxy is used: the console connects straight",
    "preproxy": "no proxy is used: the console connects straight",
    "proxy1.0": "no proxy is used: the console connects straight",
    "socks4": "no proxy is used: the console connects straight",
    "socks4a": "no proxy is used: the console connects straight",
    "socks5": "no proxy is used: the console connects straight",
    "socks5-hostname": "no proxy is used: the console connects straight",
    "location": "redirects are shown and never followed",
    "location-trusted": "redirects are shown and never followed",
    "retry": "nothing is tried again by itself",
    "connect-to": "the connection goes to the environment's origin",
    "resolve": "the connection goes to the environment's origin",
    "unix-socket": "the connection goes to the environment's origin",
    "abstract-unix-socket": "the connection goes to the environment's origin",
    "http2": "the request is sent as HTTP/1.1",
    "http2-prior-knowledge": "the request is sent as HTTP/1.1",
    "http3": "the request is sent as HTTP/1.1",
    "http3-only": "the request is sent as HTTP/1.1",
    "http1.0": "the request is sent as HTTP/1.1",
}
PROXIES = frozenset(name for name, why in _TOLD.items() if why.startswith("no proxy"))


def _table() -> tuple[Option, ...]:
    found: list[Option] = []

    def add(entry: str, kind: Literal["switch", "fixed", "value"], effect: Effect, why: str = "") -> None:
        short, name = (entry[0], entry[2:]) if entry[1:2] == ":" else ("", entry)
        if entry == ":next":
            short, name = ":", "next"
        found.append(Option(name, kind, short, effect, why or _TOLD.get(name, "")))

    for entry in _USED_VALUES:
        add(entry, "value", "used")
    for entry in _USED_SWITCHES:
        add(entry, "switch", "used")
    add("anyauth", "fixed", "used")
    for entry in _NO_SWITCHES:
        add(entry, "switch", "none")
    for entry in _NO_FIXED:
        add(entry, "fixed", "none")
    for entry in _NO_VALUES:
        add(entry, "value", "none")
    for entry, (kind, why) in _REFUSED.items():
        add(entry, kind, "refused", why)
    return tuple(found)


OPTIONS = _table()
_BY_NAME = {option.name: option for option in OPTIONS}
_BY_SHORT = {option.short: option for option in OPTIONS if option.short}


def given_in(words: Sequence[Word], text: str) -> tuple[Given, ...]:
    """What the arguments of curl ask for, in order.

    Args:
        words: The arguments, without the word `curl`.
        text: Where they come from, for positions.

    Raises:
        Unclear: An option that curl does not know or that cannot be imported; it is named.
    """
    found: list[Given] = []
    plain = False
    i = 0
    while i < len(words):
        word = words[i]
        said = word.text
        i += 1
        if plain or not said.startswith("-"):
            found.append(Given("", said, True, word, "the address"))
        elif said == "--":
            plain = True
        elif said.startswith("--"):
            i += _long(word, words[i : i + 1], text, found)
        else:
            i += _short(word, words[i : i + 1], text, found)
    return tuple(found)


def _long(word: Word, following: Sequence[Word], text: str, found: list[Given]) -> int:
    """Reads one long option; returns how many further words it took."""
    written, equals, attached = word.text[2:].partition("=")
    name = written.lower()
    off = name.startswith("no-")
    option = _named(name[3:] if off else name, word, text)
    said = f"--{written}"
    if off and option.kind != "switch":
        raise _unclear(word, text, f"{said}: there is no such switch to turn off")
    if equals and option.kind != "value":
        raise _unclear(word, text, f"{said} takes no value")
    if option.kind != "value":
        _take(option, "", not off, word, said, text, found)
        return 0
    if equals:
        _take(option, attached, True, word, said, text, found)
        return 0
    return _with_next(option, following, word, said, text, found)


def _short(word: Word, following: Sequence[Word], text: str, found: list[Given]) -> int:
    """Reads a cluster of short options; returns how many further words it took."""
    letters = word.text[1:]
    if not letters:
        raise _unclear(word, text, "a lone - is no option and no address")
    for k, letter in enumerate(letters):
        option = _BY_SHORT.get(letter)
        said = f"-{letter}"
        if option is None:
            raise _unclear(word, text, f"unknown option {said}" + (f" in {word.text}" if len(letters) > 1 else ""))
        if option.kind != "value":
            _take(option, "", True, word, said, text, found)
        elif letters[k + 1 :]:
            _take(option, letters[k + 1 :], True, word, said, text, found)
            return 0
        else:
            return _with_next(option, following, word, said, text, found)
    return 0


def _with_next(option: Option, following: Sequence[Word], word: Word, said: str, text: str, found: list[Given]) -> int:
    if not following:
        if option.effect == "refused":
            _take(option, "", True, word, said, text, found)
        raise _unclear(word, text, f"{said} needs a value")
    _take(option, following[0].text, True, word, said, text, found, following[0])
    return 1


def _take(
    option: Option,
    value: str,
    on: bool,
    word: Word,
    said: str,
    text: str,
    found: list[Given],
    holder: Word | None = None,
) -> None:
    if option.effect == "refused" and on:
        raise _unclear(word, text, f"{said}: {option.why}")
    found.append(Given(option.name, value, on, holder or word, said))


def _named(name: str, word: Word, text: str) -> Option:
    exact = _BY_NAME.get(name)
    if exact is not None:
        return exact
    if not name:
        raise _unclear(word, text, f"unknown option {word.text}")
    if name.startswith("expand-") and name[7:] in _BY_NAME:
        raise _unclear(word, text, f"--{name}: variables of curl are not expanded")
    close = [option for option in OPTIONS if option.name.startswith(name)]
    if len(close) == 1:
        return close[0]
    if close:
        raise _unclear(word, text, f"--{name} could be {', '.join('--' + option.name for option in close[:6])}")
    raise _unclear(word, text, f"unknown option --{name}")


def _unclear(word: Word, text: str, why: str) -> Unclear:
    return Unclear(f"{at(text, word.start)}: {why}")


def told(given: Sequence[Given]) -> tuple[str, ...]:
    """What the user should know of options that change nothing here."""
    lines = {f"{one.said}: {_BY_NAME[one.name].why}" for one in given if one.name and one.on and _BY_NAME[one.name].why}
    return tuple(sorted(lines))

"""Secrets that stand under a name: `password=…`, `--token …`, headers, parameters of URLs, user names and passwords. Data.

The value begins where the match ends. The less a spelling says that a value follows, the more the value has to look like
a secret.
"""

from kube9_operator.text.rule import Rule

_SHORT = r"(?:(?:^|[^A-Za-z])(?i:(?:db|user|my|root|admin|sa)?(?:pass|pw|psw|pswd))|[a-z](?:Pass|Pw|Pwd))"


_NAMED = (
    "(?i)(?:{{PASS}}|{{TOKEN}}|{{KEY}}|pass|pw|psw|pswd){{TAIL}}"
    r"(?:{{CLOSE}}(?:{{EQ}}|{{COLON}})|{{IS}}|[ \t]to[ \t]|[ \t]{0,2}\\{0,8}[\"'`(]| provided:)"
)
"""The sign of all that stands under a name: there is one, and what makes it the name of a value."""


def _value(name: str, pattern: str, needs: str, family: str = "key", sign: str = "") -> Rule:
    return Rule(name, family, "(?i)" + pattern, "value", needs, sign)


def _named(name: str, pattern: str, needs: str) -> Rule:
    return _value(name, pattern, needs, sign=_NAMED)


KEY_RULES: tuple[Rule, ...] = (
    # Passwords.
    _named("password-equals", "{{PASS}}{{TAIL}}{{CLOSE}}{{EQ}}", "any"),
    _named("password-json", "{{PASS}}{{TAIL}}{{QUOTE}}{{COLON}}", "json-password"),
    _named("password-colon", "{{PASS}}{{TAIL}}{{COLON}}", "mixed"),
    _named("password-is", "{{PASS}}(?:{{IS}}|[ \t]to[ \t])", "coded"),
    _named("password-quoted", r"{{PASS}}[ \t]{1,2}(?:\\{0,8}[\"'`])", "quoted"),
    _value("password-bare", r"{{PASS}}[ \t]{1,2}", "bare", sign=r"(?i){{PASS}}[ \t]{1,2}[^\s]*[0-9]"),
    _named("password-call", r"{{PASS}}[ \t]?\([ \t]?", "coded"),
    Rule("pass-equals", "key", _SHORT + "[0-9]?(?:{{CLOSE}}{{EQ}}|{{QUOTE}}{{COLON}})", "value", "not-number", _NAMED),
    Rule("pass-colon", "key", _SHORT + "[0-9]?{{COLON}}", "value", "coded", _NAMED),
    # Tokens and secrets.
    _named("token-equals", "{{TOKEN}}{{TAIL}}{{CLOSE}}{{EQ}}", "token"),
    _named("token-json", "{{TOKEN}}{{TAIL}}{{QUOTE}}{{COLON}}", "json-token"),
    _named("token-colon", "{{TOKEN}}{{TAIL}}{{COLON}}", "token-colon"),
    _named("token-is", "{{TOKEN}}(?:{{IS}}|[ \t]?\\([ \t]?)", "digit8"),
    _named("token-quoted", r"{{TOKEN}}[ \t]{1,2}(?:\\{0,8}[\"'`])", "opaque"),
    # Keys.
    _named("key-equals", "{{KEY}}{{TAIL}}{{CLOSE}}{{EQ}}", "token"),
    _named("key-json", "{{KEY}}{{TAIL}}{{QUOTE}}{{COLON}}", "json-token"),
    _named("key-colon", "{{KEY}}{{TAIL}}{{COLON}}", "digit8"),
    _named("key-is", "{{KEY}}{{IS}}[\"'`]?", "opaque"),
    _value("key-bare", r"{{KEY}}[ \t]{1,2}", "opaque20", sign=r"(?i){{KEY}}[ \t]{1,2}[^\s]{16}"),
    _named("key-call", r"{{KEY}}[ \t]?\([ \t]?", "digit8"),
    _named("key-provided", r"(?:api|access)[_ -]?key provided:[ \t]?", "any"),
    _value(
        "sig",
        "{{WORD}}(?:sig|signature|hmac|mac|digest|nonce|verifier|assertion|samlresponse){{CLOSE}}(?:{{EQ}}|{{COLON}})",
        "signature",
    ),
    _value("auth", "(?:{{WORD}}|_|[.])auth{{CLOSE}}(?:{{EQ}}|{{COLON}})", "auth"),
    _value(
        "pin",
        "{{WORD}}(?:otp|pin|passcode|totp|mfa|cvv2?|cvc|pincode|one[_ -]time[_ -](?:code|password))"
        "(?:[_ -]?code)?{{CLOSE}}(?:{{EQ}}|{{COLON}}|{{IS}})",
        "pin",
    ),
    _value(
        "session",
        r"{{WORD}}(?:[a-z.]{0,12}sess(?:ion)?[_-]?(?:id|token|key)?|[a-z]{0,5}sid|(?:csrf|xsrf)[a-z_-]{0,16}|remember_me)"
        "{{CLOSE}}(?:{{EQ}}|{{QUOTE}}{{COLON}})",
        "opaque",
    ),
    _value("dsn", "(?:dsn|connection[_ -]?string|conn[_ -]?str){{CLOSE}}(?:{{EQ}}|{{QUOTE}}{{COLON}})", "dsn"),
    # A name and its value apart: env of a container, appSettings.
    _value(
        "name-value",
        r"(?:name|key|n|id|parameter)[\"'\\]{0,9}[ \t]?[:=][ \t]?[\"'\\]{0,9}[A-Za-z0-9_.-]{0,64}(?:"
        + "{{PASS}}|{{TOKEN}}|{{KEY}}"
        r"|_pass|pw)[\"'\\]{0,9},?[\s]{0,16}[\"'\\]{0,9}value[\"'\\]{0,9}[ \t]?[:=][ \t]?",
        "token",
        "kubernetes",
    ),
    Rule("xml", "key", r"(?i)<[A-Za-z0-9_.:-]{0,64}(?:{{PASS}}|{{TOKEN}}|{{KEY}})(?:\s[^<>]{0,128})?>", "element", "any"),
    # Command lines.
    _value(
        "flag",
        r"(?:^|[\s\"'\[(,=])--?[a-z0-9_.-]{0,40}(?:{{PASS}}|{{TOKEN}}|{{KEY}}|-pass|-pw|-auth|userpass)s?"
        r"(?:[ \t]{1,4}|[\"'],?[ \t]{0,4}[\"'])",
        "flag",
        "flag",
    ),
    _value("flag-key", r"(?:^|[\s\"'\[(,])--?(?:key|auth|sas|pass)(?:[ \t]{1,4}|=|[\"'],?[ \t]{0,4}[\"'])", "opaque", "flag"),
    _value(
        "flag-user",
        r"(?:^|[\s\"'\[(,])(?:-u|--user|--userpwd|--proxy-user|-U|--auth|--creds?|--basic-auth)"
        r"(?:[ \t=]{0,4}|[\"'],?[ \t]{0,4}[\"'])",
        "user-flag",
        "flag",
    ),
    Rule(
        "flag-short",
        "flag",
        r"(?:^|[\s\"'\[(,])-(?:p|a|w|P|pw|passin|passout|pass)(?:[ \t]{1,4}|[\"'],?[ \t]{0,4}[\"'])",
        "value",
        "short-flag",
    ),
    Rule("flag-attached", "flag", r"(?:^|[\s\"'\[(,])-p[\"']?", "value", "attached-flag"),
    _value("openssl", r"(?:^|[\s\"'=])pass:", "any", "flag"),
    _value(
        "redis-auth",
        r"(?:^|[\s\"'>])(?-i:AUTH)[ \t]{1,2}(?:default[ \t]{1,2})?|(?:^|[\s\"'>])(?-i:AUTH)(?:[\"'],?[ \t]{0,4}[\"'])",
        "bare",
        "flag",
    ),
    _value("sql", r"identified[ \t]+(?:with[ \t]+[\w'\"]{1,40}[ \t]+)?(?:by|as)[ \t]+(?:password[ \t]+)?[\"']?", "any", "flag"),
    _value("chpasswd", r"echo[ \t]+[\"']?[a-z0-9_-]{1,32}:", "chpasswd", "flag"),
    _value("bind", r"\bbind\b[^\r\n]{0,80}[ \t]with[ \t]", "bare", "key"),
    _value("sqlplus", r"(?:sqlplus|sqlldr|expdp|impdp|rman)\b[^\r\n]{0,80}?[ \t][A-Za-z0-9_$#]{1,64}/", "sqlplus", "flag"),
    _value("login", r"\blogin[ \t](?:as |with |for )?[A-Za-z0-9_.-]{1,32}[/:]", "bare", "flag"),
    Rule(
        "as-password",
        "key",
        r"(?i)[\"'`]([^\"'`\s]{4,64})[\"'`][ \t](?:as|for|is)[ \t](?:the |a )?{{PASS}}",
        needs="coded",
    ),
    _value("code", r"(?:otp|verification|auth|2fa|mfa|one[ -]time|login|security)[ _-](?:code|pin|password)[:= ]{1,3}", "pin6"),
    Rule(
        "mnemonic",
        "key",
        r"(?i)(?:mnemonic|seed[ _-]phrase|recovery[ _-]phrase)[\"' :=]{1,4}((?:[a-z]{3,8} ){11,23}[a-z]{3,8})",
        sign=r"(?i)(?:mnemonic|seed[ _-]phrase|recovery[ _-]phrase)[\"' :=]",
    ),
    _value("stdin", r"\becho[ \t]+(?:-n[ \t]+)?", "stdin", "flag"),
    # Headers.
    Rule("authorization", "header", r"(?i)authorization{{CLOSE}}(?:{{COLON}}|{{EQ}})\[?{{CLOSE}}", "header", "authorization"),
    _value(
        "bearer",
        r"{{BEGIN}}(?:bearer|bot|apikey|token|negotiate|ntlm|hawk|aws4-hmac-sha256)(?:[ \t\r\n+:]{1,4}|%20)[\"']?",
        "bearer",
        "header",
    ),
    Rule("basic", "header", r"(?i){{BEGIN}}basic(?: {1,2}|%20|\+)([A-Za-z0-9+/_-]{6,}={0,2})", needs="user-password"),
    Rule("cookie", "header", r"(?i){{WORD}}(?:set-)?cookie2?{{CLOSE}}(?:{{COLON}}|=)\[?{{CLOSE}}", "header", "cookie"),
    _value("digest", r"\b(?:response|cnonce)=\\{0,8}[\"']?", "digest", "header"),
    Rule("docker-auth", "kubernetes", r"(?i)auth{{QUOTE}}{{COLON}}{{QUOTE}}([A-Za-z0-9+/_-]{6,}={0,2})", needs="user-password"),
    _value(
        "key-data",
        r"(?:client-key-data|tls\.key|ca\.key|ssh-privatekey|id_(?:rsa|ed25519|ecdsa)|keystore\.jks|\.dockercfg|\.dockerconfigjson"
        r"|keyfile|htpasswd)[\"'\\]{0,9}(?:{{COLON}}|=)",
        "opaque",
        "kubernetes",
    ),
    # URLs and DSNs.
    Rule(
        "userinfo",
        "url",
        r"(?::|\\?u003[aA]|%3[aA])(?://|\\/\\/|%2[fF]%2[fF])()[^\s/\"'?#@:<>\[]{0,64}"
        r"(?:[@%?#<]|:[^\s/\"'0-9]|:[0-9]+[^0-9/\s\"'`:,;)\]}.\\?#&<>]|:[^\s\"'/:]+[/ ?#<][^\s\"']{0,64}@)",
        "userinfo",
        "any",
    ),
    Rule("userinfo-encoded", "url", r"%3[aA]%2[fF]%2[fF][^%\s&]{0,64}%3[aA]([^&\s\"']{1,128}?)%40"),
    Rule(
        "dsn-bare",
        "url",
        r"(?:^|[\s\"'`(=,<\[{|;])[A-Za-z0-9_.%$+~-]{0,64}:([^\s@\"'`/,]{2,64}(?:@[^\s@\"'`/:.]{1,64})?)@(?:tcp|unix|udp|\(|//|\[?[A-Za-z0-9])",
        needs="dsn-password",
        sign=r"(?::[^\s\"\'`/,@]{2,}|@[^\s@\"\'`/:.]+)@(?:tcp|unix|udp|\(|//|\[?[A-Za-z0-9])",
    ),
    Rule(
        "dsn-go",
        "url",
        r"[A-Za-z0-9_.%$+~-]{1,64}:([^\s\"'`]{1,128})@(?:tcp|tcp6|unix|cloudsql|cloudsqlpostgres)\(",
        sign=r"@(?:tcp|tcp6|unix|cloudsql|cloudsqlpostgres)\(",
    ),
    Rule(
        "oracle",
        "url",
        r"(?:^|[\s\"':(=])[A-Za-z0-9_$#.-]{1,64}/([^\s/@\"']{1,64})@(?://|\(|[A-Za-z0-9_.-]{1,64}:[0-9]{2,5}[/:])",
        sign=r"[^\s/@\"']@(?://|\(|[A-Za-z0-9_.-]{1,64}:[0-9]{2,5}[/:])",
    ),
    Rule(
        "pgpass",
        "url",
        r"[A-Za-z0-9_.*-]{1,64}:(?:543[0-9]|6432|\*):[A-Za-z0-9_*-]{1,64}:[A-Za-z0-9_*-]{1,64}:([^\s:\"']{3,128})",
        sign=r":(?:543[0-9]|6432|\*):[A-Za-z0-9_*-]{1,64}:[A-Za-z0-9_*-]{1,64}:",
    ),
    _value("query-signature", r"[?&;](?:sig|signature|hmac)=", "coded", "url"),
    _value(
        "query",
        r"[?&;#](?:[a-z_-]{0,16}key|code|auth|sig|signature|pass|pw|otp|ticket|assertion|hmac|sas|skey|hdnts|session|credential"
        r"|x-(?:amz|goog)-(?:signature|credential|security-token))=",
        "opaque",
        "url",
    ),
)

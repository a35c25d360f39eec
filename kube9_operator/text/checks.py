"""The checks by the names that rules call them."""

from collections.abc import Callable

from kube9_operator.text import place_checks as places
from kube9_operator.text import value_checks as values
from kube9_operator.text.candidate import Candidate

CHECKS: dict[str, Callable[[Candidate], bool]] = {
    "any": values.any_value,
    "digit": values.has_digit,
    "opaque": values.opaque,
    "opaque20": values.opaque20,
    "coded": values.coded,
    "bare": values.bare,
    "quoted": values.in_quotes,
    "mixed": values.after_colon,
    "json-password": values.in_json,
    "token": values.token,
    "json-token": values.token_in_json,
    "token-colon": values.token_after_colon,
    "digit8": values.key_value,
    "not-number": values.not_number,
    "signature": values.signature,
    "auth": values.auth,
    "pin": values.pin,
    "pin6": values.pin6,
    "dsn": values.dsn,
    "flag": places.flag,
    "short-flag": places.short_flag,
    "attached-flag": places.attached_flag,
    "user-flag": places.user_flag,
    "sqlplus": places.sqlplus,
    "chpasswd": places.chpasswd,
    "stdin": places.stdin,
    "authorization": places.authorization,
    "bearer": places.bearer,
    "user-password": places.user_password,
    "cookie": places.cookie,
    "digest": places.digest,
    "dsn-password": places.dsn_password,
    "kubeadm": places.kubeadm,
    "aws": places.aws_wrapped,
}

"""Made-up secrets in the sentences in which they come: none is of a real service."""

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQifQ.c2lnbmF0dXJlLW9mLWEtdG9rZW4"
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
AWS_TEMPORARY = "ASIA" + "IOSFODNN7EXAMPLE"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
GOOGLE = "AIza" + "SyA1234567890abcdefghijklmnopqrstuv"
GITHUB = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"
SLACK = "xoxb-" + "123456789012-abcdefABCDEF"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAv7yXsecretsecret\nabcdEFGH0123456789+/==\n-----END RSA PRIVATE KEY-----"

SENTENCES: list[tuple[str, list[str]]] = [
    ("Get https://api/v1: Authorization: Bearer abc.def-ghi123 refused", ["abc.def-ghi123"]),
    (f"token review failed for bearer {JWT}", [JWT, JWT.split(".")[1]]),
    (f'curl -H "Authorization: Bearer {JWT}" https://x', [JWT]),
    ("Authorization: Basic dXNlcjpwYXNzd29yZDE= was not accepted", ["dXNlcjpwYXNzd29yZDE="]),
    ("proxy said Basic dXNlcjpodW50ZXIy is wrong", ["dXNlcjpodW50ZXIy"]),
    (f"the token {JWT}, which is not valid", [JWT]),
    (f"{{'kubernetes.io': '{JWT}'}}", [JWT]),
    ("dial postgres://admin:hunter2@db:5432/app failed", ["hunter2"]),
    ("postgres://admin:p@ss/w0rd#x@db:5432/app", ["p@ss", "w0rd#x"]),
    ("amqp://user:12$34%56@mq/vhost: refused", ["12$34%56"]),
    ("redis://:only-a-password@cache:6379/0", ["only-a-password"]),
    (f"cloning https://{GITHUB}@github.com/x/y", [GITHUB]),
    (f"credentials {AWS} are not valid", [AWS]),
    (f"assumed with {AWS_TEMPORARY}.", [AWS_TEMPORARY]),
    (f"AWS_SECRET_ACCESS_KEY={AWS_SECRET} in the environment", [AWS_SECRET]),
    (f"API key {GOOGLE} has no access", [GOOGLE]),
    (f"posting with {SLACK}: channel_not_found", [SLACK]),
    (f"cannot parse {KEY} as PEM", ["MIIEowIBAAKCAQEAv7yXsecretsecret", "abcdEFGH0123456789+/=="]),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXkt\\n-----END OPENSSH PRIVATE KEY-----\\n", ["b3BlbnNzaC1rZXkt"]),
    ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIsecretThatWasCut", ["MHcCAQEEIsecretThatWasCut"]),
    ('{"username":"x","password":"hun\\"ter2","n":1}', ['hun\\"ter2', "ter2"]),
    ('{\\"client_secret\\":\\"a-secret-value\\"}', ["a-secret-value"]),
    ("mysql: --password hunter2 --host db", ["hunter2"]),
    ("exec failed: PGPASSWORD=hunter2 psql", ["hunter2"]),
    ("https://store/blob?sv=1&sig=abc%2Fdef%3D&se=2", ["abc%2Fdef%3D"]),
    ("AccountName=shop;AccountKey=c2VjcmV0a2V5c2VjcmV0==;EndpointSuffix=x", ["c2VjcmV0a2V5c2VjcmV0"]),
    ("password: hunter2!", ["hunter2"]),
    (f"cut by its source: {AWS[:12]}", [AWS[:12]]),
    ("cut by its source: postgres://admin:hunter2", ["hunter2"]),
    (f"cut by its source: {JWT[:30]}", [JWT[:30]]),
]
"""Of each sentence what must not be left of it."""

ORDINARY = [
    "invalid bearer token",
    "the bearer token has expired, or a bearer authentication error",
    'Get "https://auth.docker.io/token": unauthorized: Bearer realm="https://auth.docker.io/token"',
    'MountVolume.SetUp failed for volume "kube-api-access-x7k" : secret "db-password" not found',
    "couldn't find key password in Secret shop/db",
    'references non-existent secret key: "token"',
    'Error creating: pods "x" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=10, limited: secrets=10',
    "unmounted volumes=[default-token-abcde], unattached volumes=[default-token-abcde]: timed out waiting for the condition",
    'Failed to pull image "registry.example.com:5000/shop/web@sha256:0e2f4c1d": not found',
    "ssh://git@github.com/x/y and git@github.com:x/y, https://host:443/v2/img@sha256:abc",
    "dial tcp [::1]:443: http://[fd00::1]:8080/x is down",
    "failed to fetch token: unexpected status 401",
    "error getting credential: Authorization failed",
    "password: authentication failed for user",
    "-----BEGIN CERTIFICATE----- MIIB -----END CERTIFICATE-----",
    "basic authentication is off; basic   things",
    "xox and AKIA and ghp_ and npm_install are words",
    "secret/api-token-Asia.eyJ is a name",
]
"""What must be left alone."""
